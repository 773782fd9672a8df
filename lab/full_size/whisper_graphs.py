"""Whisper's graphs for onnx-asr, traced from openai-whisper's modules.

The published ones keep the decoder's keys and values between tokens. These have the encoder compute those of the sound,
which are nearly all of the work, and the decoder reads the tokens again for each one.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import whisper
from support import whisper_models
from torch import Tensor

from .making import Part, text


def files(checkpoint: Part, words: int) -> list[Part]:
    """The files of a model in float32 from OpenAI's `checkpoint`, which has that many tokens."""
    ranks, signs = whisper_models.ranks(words), whisper_models.letters()
    tokens = {"".join(signs[byte] for byte in token): number for token, number in ranks.items()}
    added = {token: len(ranks) + number for number, token in enumerate(whisper_models.specials(words))}
    return [
        text("config.json", json.dumps({"model_type": "whisper", "num_mel_bins": 80})),
        text("vocab.json", json.dumps(tokens)),
        text("added_tokens.json", json.dumps(added)),
        Part("encoder_model.onnx", 2 * checkpoint.size, partial(_write, checkpoint), scratch=checkpoint.size),
    ]


class _Encoder(torch.nn.Module):
    """Hears, and says for each of the decoder's layers its keys and its values, one after another."""

    def __init__(self, model: whisper.Whisper) -> None:
        super().__init__()
        self.model = model

    def forward(self, sound: Tensor) -> Tensor:
        heard, crossings = self.model.encoder(sound), [block.cross_attn for block in self.model.decoder.blocks]
        return torch.cat([each(heard) for layer in crossings for each in (layer.key, layer.value)], dim=-1)


class _Decoder(torch.nn.Module):
    """Reads the tokens, and says how likely each is to be the next."""

    def __init__(self, decoder: Any) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, tokens: Tensor, heard: Tensor) -> Tensor:
        decoder = self.decoder
        x = decoder.token_embedding(tokens) + decoder.positional_embedding[: tokens.shape[-1]]
        pairs = iter(heard.split(x.shape[-1], dim=-1))
        for block, key, value in zip(decoder.blocks, pairs, pairs, strict=True):
            x = x + block.attn(block.attn_ln(x), mask=decoder.mask)[0]
            query = block.cross_attn.query(block.cross_attn_ln(x))
            x = x + block.cross_attn.out(block.cross_attn.qkv_attention(query, key, value)[0])
            x = x + block.mlp(block.mlp_ln(x))
        return decoder.ln(x[:, -1:]) @ decoder.token_embedding.weight.T


def _write(checkpoint: Part, path: Path) -> None:
    checkpoint.write(file := path.with_name("base.pt"))
    model = whisper.load_model(str(file), device="cpu")
    file.unlink()
    sound, tokens = torch.zeros(1, model.dims.n_mels, 3000), torch.zeros(1, 4, dtype=torch.long)
    with torch.no_grad(), whisper.model.disable_sdpa(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is traced as a constant, and is one
        heard = _Encoder(model)(sound)
        decoder = path.with_name("decoder_model_merged.onnx")
        _export(_Encoder(model), path, {"input_features": sound}, "last_hidden_state")
        _export(_Decoder(model.decoder), decoder, {"input_ids": tokens, "encoder_hidden_states": heard}, "logits")


def _export(module: torch.nn.Module, path: Path, inputs: dict[str, Tensor], output: str) -> None:
    names: Sequence[str] = [*inputs]
    axes = {name: {0: "batch"} for name in (*names, output)}
    if "input_ids" in axes:
        axes["input_ids"][1] = "tokens"
    torch.onnx.export(
        module, tuple(inputs.values()), str(path), input_names=names, output_names=[output], dynamic_axes=axes,
        dynamo=False,  # the newer way needs a package more
        do_constant_folding=False,  # it would write the tokens' weights twice
    )  # fmt: skip
