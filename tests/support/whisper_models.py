"""Whisper's models in the form of CTranslate2, of which no small one is published: made of OpenAI's checkpoints."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hushd_worker_stt.engines import whisper_family
from hushd_worker_stt.engines.whisper_family import LANGUAGES, languages

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Symbols that are never spoken, suppressed as in Whisper, so that it invents no names of speakers and stage directions.
_UNSPOKEN = [
    *'"#()*+/:;<=>@[\\]^_`{|}~「」『』',
    *("<<", ">>", "<<<", ">>>", "--", "---", "-(", "-[", "('", '("', "((", "))", "(((", ")))", "[[", "]]", "{{", "}}"),
    *("♪♪", "♪♪♪"),
]
_NOTES = "♩♪♫♬♭♮♯"  # several tokens each, of which the first is common to all, and in no spoken text


def checkpoint(path: Path) -> tuple[dict[str, int], Mapping[str, np.ndarray]]:
    """The dimensions and the numbers of a checkpoint in OpenAI's format."""
    import torch

    content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return content["dims"], {name: tensor.numpy() for name, tensor in content["model_state_dict"].items()}


def convert(source: Path, folder: Path, quantization: str, *, name: str | None = None) -> None:
    """Makes `folder` of the checkpoint `source`; `name` is the well-known model's, by which its word times are known.

    Raises:
        ImportError: ctranslate2, tokenizers, torch or openai-whisper is not here.
    """
    dims, tensors = checkpoint(source)
    words = tokenizer(ranks(dims["n_vocab"]), specials(dims["n_vocab"]))
    model = _model(tensors, dims)
    _describe(model, words, dims, name or source.stem)
    model.validate()
    model.optimize(quantization=quantization)
    folder.mkdir(parents=True)
    model.save(str(folder))
    (folder / "tokenizer.json").write_text(words.to_str(pretty=True), encoding="utf-8")
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": dims["n_mels"]}))


def _model(tensors: Mapping[str, np.ndarray], dims: dict[str, int]) -> Any:
    """Returns CTranslate2's specification of the model, filled with the checkpoint's numbers."""
    from ctranslate2.specs.whisper_spec import WhisperSpec

    model = WhisperSpec(dims["n_audio_layer"], dims["n_audio_head"], dims["n_text_layer"], dims["n_text_head"])
    fill = _Filler(tensors)
    for half, name in ((model.encoder, "encoder"), (model.decoder, "decoder")):
        half.position_encodings.encodings = tensors[f"{name}.positional_embedding"]
        for number, layer in enumerate(half.layer):
            fill.attention(layer.self_attention, f"{name}.blocks.{number}.attn")
            if name == "decoder":
                fill.attention(layer.attention, f"{name}.blocks.{number}.cross_attn", cross=True)
            fill.both(layer.ffn.layer_norm, f"{name}.blocks.{number}.mlp_ln", "gamma", "beta")
            fill.both(layer.ffn.linear_0, f"{name}.blocks.{number}.mlp.0")
            fill.both(layer.ffn.linear_1, f"{name}.blocks.{number}.mlp.2")
    fill.both(model.encoder.conv1, "encoder.conv1")
    fill.both(model.encoder.conv2, "encoder.conv2")
    fill.both(model.encoder.layer_norm, "encoder.ln_post", "gamma", "beta")
    fill.both(model.decoder.layer_norm, "decoder.ln", "gamma", "beta")
    model.decoder.embeddings.weight = tensors["decoder.token_embedding.weight"]
    model.decoder.projection.weight = model.decoder.embeddings.weight
    return model


class _Filler:
    """Copies layers of a checkpoint into layers of CTranslate2."""

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        self._tensors = tensors

    def both(self, layer: Any, name: str, weight: str = "weight", bias: str = "bias") -> None:
        setattr(layer, weight, self._tensors[f"{name}.weight"])
        setattr(layer, bias, self._tensors[f"{name}.bias"])

    def attention(self, layer: Any, name: str, cross: bool = False) -> None:
        """Copies an attention layer: self-attention has query, key and value in one matrix; with `cross`, key and value
        are in a second one."""
        weight = {part: self._tensors[f"{name}.{part}.weight"] for part in ("query", "key", "value")}
        bias = {part: self._tensors[f"{name}.{part}.bias"] for part in ("query", "value")}
        bias["key"] = np.zeros_like(bias["query"])
        for linear, parts in zip(
            layer.linear, (("query",), ("key", "value")) if cross else (("query", "key", "value"),), strict=False
        ):
            linear.weight = np.concatenate([weight[part] for part in parts])
            linear.bias = np.concatenate([bias[part] for part in parts])
        self.both(layer.linear[-1], f"{name}.out")
        self.both(layer.layer_norm, f"{name}_ln", "gamma", "beta")


def _describe(model: Any, words: Tokenizer, dims: dict[str, int], name: str) -> None:
    """Adds the tokens and the contents of `config.json`."""
    vocabulary = dims["n_vocab"]
    model.register_vocabulary([words.id_to_token(number) for number in range(vocabulary)])
    known = languages(vocabulary)
    start = words.token_to_id("<|startoftranscript|>")
    model.config.suppress_ids = _unspoken(words)
    model.config.suppress_ids_begin = [words.token_to_id("Ġ"), words.token_to_id("<|endoftext|>")]
    model.config.lang_ids = list(range(start + 1, start + 1 + len(known))) if len(known) > 1 else []
    model.config.alignment_heads = _alignment_heads(name, dims["n_text_layer"], dims["n_text_head"], vocabulary)
    # Fine-tuning without times does not change their tokens' weights; a model that never learnt times has none.
    times = words.token_to_id("<|0.00|>")
    model.config.add_attribute("timestamps", bool(model.decoder.embeddings.weight[times:].any()))


def _alignment_heads(name: str, layers: int, heads: int, vocabulary: int) -> list[tuple[int, int]]:
    """Returns layer and head of each cross-attention for word times: by default all of the upper half."""
    if packed := whisper_family.alignment(name, layers, heads, vocabulary):
        return [divmod(number, heads) for number, follows in enumerate(whisper_family._unpacked(packed)) if follows]
    return [(layer, head) for layer in range(layers // 2, layers) for head in range(heads)]


def _unspoken(words: Tokenizer) -> list[int]:
    ids = {words.encode(text).ids[0] for text in (" -", " '")}  # inside words, but not at their start
    for symbol in (*_UNSPOKEN, *_NOTES):
        for encoded in (words.encode(symbol).ids, words.encode(" " + symbol).ids):
            if len(encoded) == 1 or symbol in _NOTES:
                ids.add(encoded[0])
    control = ("<|startoftranscript|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>")
    return sorted(ids | {words.token_to_id(token) for token in (*control, "<|nospeech|>")})


def ranks(vocabulary: int) -> dict[bytes, int]:
    """The ordinary tokens, with their numbers, of a model with `vocabulary` tokens in all.

    Raises:
        ImportError: openai-whisper's package is not here, which has them.
    """
    package = find_spec("whisper")
    if package is None or package.origin is None:
        raise ImportError("openai-whisper is not installed")
    name = "gpt2" if languages(vocabulary) == ("en",) else "multilingual"
    lines = (Path(package.origin).parent / "assets" / f"{name}.tiktoken").read_bytes().splitlines()
    return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines if line)}


def specials(vocabulary: int) -> list[str]:
    """Returns the tokens after the ordinary ones, in order. Even English models have the tokens of languages."""
    known = languages(vocabulary) if vocabulary > 51_864 else LANGUAGES[:99]
    return [
        "<|endoftext|>",
        "<|startoftranscript|>",
        *(f"<|{language}|>" for language in known),
        "<|translate|>",
        "<|transcribe|>",
        "<|startoflm|>",
        "<|startofprev|>",
        "<|nospeech|>",
        "<|notimestamps|>",
        *(f"<|{number * 0.02:.2f}|>" for number in range(1501)),
    ]


def tokenizer(tokens: dict[bytes, int], special: list[str]) -> Tokenizer:
    """Returns GPT-2's byte-level BPE with these tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    signs = letters()
    written = {token: "".join(signs[byte] for byte in token) for token in tokens}
    merges = [
        (written[left], written[right])
        for left, right in (halves(token, tokens) for token in sorted(tokens, key=tokens.__getitem__) if len(token) > 1)
    ]
    made = Tokenizer(models.BPE({written[token]: rank for token, rank in tokens.items()}, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return made


def halves(token: bytes, tokens: dict[bytes, int]) -> tuple[bytes, bytes]:
    """Returns the two tokens that BPE merges into `token`: the ones that remain after all earlier merges."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        best = min(range(len(parts) - 1), key=lambda i: tokens.get(parts[i] + parts[i + 1], len(tokens)))
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts[0], parts[1]


def letters() -> list[str]:
    """Returns GPT-2's character for each byte: the byte itself if it is printable, or else a character from U+0100
    on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(hidden)) for byte in range(256)]
