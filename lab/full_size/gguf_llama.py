"""A language model as llama.cpp reads it (its architecture `llama`): weights at random, and a vocabulary of bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .gguf_file import Keys, Tensor, write
from .noise import Noise

_HEAD = 64  # the width of an attention head
_WIDER = 4  # a layer's inner width, by its own
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6  # kinds of tokens


@dataclass(frozen=True)
class Shape:
    """A model's dimensions: 0.45 billion weights, 0.9 GB of 16 bits each."""

    layers: int = 12
    width: int = 1536
    vocabulary: int = 512


def make(path: Path, shape: Shape = Shape()) -> None:
    """Writes such a model to `path`."""
    write(path, keys(shape), tensors(shape))


def keys(shape: Shape) -> Keys:
    """The keys of a model. Its words mean nothing."""
    words = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    words += [f"word{number}" for number in range(len(words), shape.vocabulary)]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256]
    own: dict[str, int | float] = {
        "context_length": 2048, "embedding_length": shape.width, "block_count": shape.layers,
        "feed_forward_length": _WIDER * shape.width, "attention.head_count": shape.width // _HEAD,
        "attention.head_count_kv": shape.width // _HEAD, "attention.layer_norm_rms_epsilon": 1e-5,
        "rope.dimension_count": _HEAD, "vocab_size": shape.vocabulary,
    }  # fmt: skip
    return {
        "general.architecture": "llama",
        **{f"llama.{key}": value for key, value in own.items()},
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": words,
        "tokenizer.ggml.scores": -np.arange(shape.vocabulary, dtype=np.float32),
        "tokenizer.ggml.token_type": np.array(kinds + [_NORMAL] * (shape.vocabulary - len(kinds)), np.int32),
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
    }


def tensors(shape: Shape) -> dict[str, Tensor]:
    """The tensors of a model, by the loader's names."""
    noise, width, inner = Noise(), shape.width, _WIDER * shape.width

    def norm() -> Tensor:
        return Tensor((width,), "f32", lambda: np.ones(width))

    def matrix(name: str, outs: int, ins: int) -> Tensor:
        return Tensor((outs, ins), "f16", lambda: noise.floats(name, (outs, ins), 1 / math.sqrt(ins)))

    made = {f"{name}.weight": matrix(name, shape.vocabulary, width) for name in ("token_embd", "output")}
    made["output_norm.weight"] = norm()
    for layer in range(shape.layers):
        at = f"blk.{layer}"
        made |= {f"{at}.{name}_norm.weight": norm() for name in ("attn", "ffn")}
        square = {f"{at}.attn_{name}": (width, width) for name in ("q", "k", "v", "output")}
        wide = {f"{at}.ffn_gate": (inner, width), f"{at}.ffn_up": (inner, width), f"{at}.ffn_down": (width, inner)}
        made |= {f"{name}.weight": matrix(name, *size) for name, size in (square | wide).items()}
    return made
