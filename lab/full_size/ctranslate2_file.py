"""Whisper's model.bin, CTranslate2's format, read as tensors by OpenAI's names."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_KINDS = (np.float32, np.int8, np.int16, np.int32, np.float16)  # by their numbers in the format
_NORMS = {"weight": "gamma", "bias": "beta"}
_LAYERS = {
    "attn_ln": "self_attention/layer_norm", "cross_attn_ln": "attention/layer_norm", "mlp_ln": "ffn/layer_norm",
    "mlp.0": "ffn/linear_0", "mlp.2": "ffn/linear_1", "attn.out": "self_attention/linear_1",
    "cross_attn.out": "attention/linear_2",
}  # fmt: skip
_TOP = {
    "ln": "layer_norm", "ln_post": "layer_norm", "positional_embedding": "position_encodings/encodings",
    "token_embedding": "embeddings",
}  # fmt: skip
# The matrices that are a part of one: that one, which part, of how many.
_PARTS = {
    "attn.query": ("self_attention/linear_0", 0, 3), "attn.key": ("self_attention/linear_0", 1, 3),
    "attn.value": ("self_attention/linear_0", 2, 3), "cross_attn.query": ("attention/linear_0", 0, 1),
    "cross_attn.key": ("attention/linear_1", 0, 2), "cross_attn.value": ("attention/linear_1", 1, 2),
}  # fmt: skip


def read(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file by CTranslate2's names; several names may mean one."""
    data, at = path.read_bytes(), 0

    def numbers(kinds: str) -> tuple[int, ...]:
        nonlocal at
        read = struct.unpack_from(f"<{kinds}", data, at)
        at += struct.calcsize(f"<{kinds}")
        return read

    def text() -> str:
        nonlocal at
        (length,) = numbers("H")
        at += length
        return data[at - length : at - 1].decode()

    def tensors() -> Iterator[tuple[str, np.ndarray]]:
        nonlocal at
        for _ in range(numbers("I")[0]):
            name, (rank,) = text(), numbers("B")
            shape, (kind, size) = numbers(f"{rank}I"), numbers("BI")
            at += size
            yield name, np.frombuffer(data[at - size : at], _KINDS[kind]).reshape(shape)

    numbers("I"), text(), numbers("I")  # the format's version; the model's kind, and its version
    found = dict(tensors())
    return found | {text(): found[text()] for _ in range(numbers("I")[0])}


def tensor(found: dict[str, np.ndarray], name: str) -> np.ndarray:
    """The tensor of OpenAI's `name`."""
    side, _, rest = name.partition(".")
    block = re.fullmatch(r"blocks\.(\d+)\.(.+)\.(weight|bias)", rest)
    if block is None:
        layer, _, kind = rest.partition(".")
        kind = _NORMS[kind] if layer.startswith("ln") else kind
        return found[f"{side}/{_TOP.get(layer, layer)}" + (f"/{kind}" if kind else "")]
    number, layer, kind = block.groups()
    if layer in _PARTS:
        whole, part, parts = _PARTS[layer]
        return np.split(found[f"{side}/layer_{number}/{whole}/{kind}"], parts)[part]
    return found[f"{side}/layer_{number}/{_LAYERS[layer]}/{_NORMS[kind] if layer.endswith('ln') else kind}"]
