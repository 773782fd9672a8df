"""Whisper's checkpoints in OpenAI's form for CTranslate2, by the tokens of its package: no small one is published."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ctranslate2.specs.whisper_spec import WhisperSpec
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from whisper import _ALIGNMENT_HEADS
from whisper.tokenizer import get_tokenizer


def convert(source: Path, folder: Path, quantization: str = "float16", name: str = "") -> None:
    """Writes `folder`, as faster-whisper loads it.

    Args:
        source: a file in OpenAI's form.
        name: the well-known model whose attention tells the times of words, by default the file's name.

    Raises any error of the libraries.
    """
    folder.mkdir(parents=True, exist_ok=True)
    saved = torch.load(source, map_location="cpu", weights_only=True, mmap=True)
    dims, tensors = saved["dims"], {each: tensor.numpy() for each, tensor in saved["model_state_dict"].items()}
    spec = _filled(dims, tensors)
    words = _described(spec, dims, name or source.stem)
    spec.validate()
    spec.optimize(quantization=quantization)
    spec.save(str(folder))
    words.save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(f'{{"feature_size": {dims["n_mels"]}}}')


def _filled(dims: dict[str, int], tensors: dict[str, Any]) -> Any:
    """Returns CTranslate2's specification of the model with the checkpoint's numbers."""

    def put(layer: Any, name: str, weight: str = "weight", bias: str = "bias") -> None:
        setattr(layer, weight, tensors[f"{name}.weight"])
        setattr(layer, bias, tensors[f"{name}.bias"])

    def attend(layer: Any, name: str, *groups: tuple[str, ...]) -> None:
        nothing = np.zeros_like(tensors[f"{name}.query.bias"])  # keys have no bias
        for linear, parts in zip(layer.linear, groups, strict=False):
            linear.weight = np.concatenate([tensors[f"{name}.{part}.weight"] for part in parts])
            linear.bias = np.concatenate([tensors.get(f"{name}.{part}.bias", nothing) for part in parts])
        put(layer.linear[-1], f"{name}.out")
        put(layer.layer_norm, f"{name}_ln", "gamma", "beta")

    spec = WhisperSpec(dims["n_audio_layer"], dims["n_audio_head"], dims["n_text_layer"], dims["n_text_head"])
    for half, name, last in ((spec.encoder, "encoder", "ln_post"), (spec.decoder, "decoder", "ln")):
        half.position_encodings.encodings = tensors[f"{name}.positional_embedding"]
        put(half.layer_norm, f"{name}.{last}", "gamma", "beta")
        for number, layer in enumerate(half.layer):
            block = f"{name}.blocks.{number}"
            attend(layer.self_attention, f"{block}.attn", ("query", "key", "value"))
            if name == "decoder":
                attend(layer.attention, f"{block}.cross_attn", ("query",), ("key", "value"))
            put(layer.ffn.layer_norm, f"{block}.mlp_ln", "gamma", "beta")
            put(layer.ffn.linear_0, f"{block}.mlp.0")
            put(layer.ffn.linear_1, f"{block}.mlp.2")
    put(spec.encoder.conv1, "encoder.conv1")
    put(spec.encoder.conv2, "encoder.conv2")
    spec.decoder.embeddings.weight = spec.decoder.projection.weight = tensors["decoder.token_embedding.weight"]
    return spec


def _described(spec: Any, dims: Mapping[str, int], name: str) -> Any:
    """Adds the tokens and the configuration to a specification; returns the tokenizer."""
    count, layers, heads = dims["n_vocab"], dims["n_text_layer"], dims["n_text_head"]
    known, words = tokens(count)
    spec.register_vocabulary([words.id_to_token(number) for number in range(count)])
    control = (known.sot, known.translate, known.transcribe, known.sot_lm, known.sot_prev, known.no_speech)
    spec.config.suppress_ids = sorted({*known.non_speech_tokens, *control})
    spec.config.suppress_ids_begin = [*known.encoding.encode(" "), known.eot]
    spec.config.lang_ids = list(known.all_language_tokens) if known.language else []
    flags = gzip.decompress(base64.b85decode(_ALIGNMENT_HEADS.get(name, b"")))
    if len(flags) != layers * heads:  # an unknown model has all of the upper half
        flags = bytes(number >= layers // 2 * heads for number in range(layers * heads))
    spec.config.alignment_heads = [divmod(number, heads) for number, follows in enumerate(flags) if follows]
    # A model that never learnt times has zeros there.
    times = spec.decoder.embeddings.weight[known.timestamp_begin :]
    spec.config.add_attribute("timestamps", bool(times.any()))
    return words


def tokens(count: int) -> tuple[Any, Any]:
    """Returns the tokens of a checkpoint that has `count`: as the package whisper has them, and as a byte-level BPE, in
    which a token's number is its place."""
    multilingual = count >= 51_865  # the package counts so, too
    known = get_tokenizer(multilingual, num_languages=count - 51_765 - multilingual)
    every = [known.encoding.decode_single_token_bytes(number) for number in range(count)]
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = iter(range(0x100, 0x200))
    letters = [chr(byte if byte in printable else next(hidden)) for byte in range(256)]  # GPT-2's for each byte
    ranks = {token: number for number, token in enumerate(every[: known.eot])}
    written = {token: "".join(letters[byte] for byte in token) for token in ranks}
    merges = [(written[left], written[right]) for left, right in (_halves(each, ranks) for each in ranks if each[1:])]
    made = Tokenizer(models.BPE({written[token]: rank for token, rank in ranks.items()}, merges))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = (token.decode() for token in every[known.eot :])
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return known, made


def _halves(token: bytes, ranks: Mapping[bytes, int]) -> tuple[bytes, bytes]:
    """Returns the two tokens that BPE merges into `token`: the ones that remain after all earlier merges."""
    parts = [token[place : place + 1] for place in range(len(token))]
    while len(parts) > 2:
        best = min(range(len(parts) - 1), key=lambda place: ranks.get(parts[place] + parts[place + 1], len(ranks)))
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts[0], parts[1]
