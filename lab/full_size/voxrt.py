"""Parakeet Redux as voxrt 0.2 reads it: a FastConformer whose matrices are -1, 0 and 1, five of them a byte.

The layout is the runtime's own: its loader names each field and tensor that it misses, and each shape and type that it
expects. Which of them the published file has in float16, and the size of its groups, is inferred from its 178 MB.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .gguf_parakeet import pieces
from .making import Part, Progress, text
from .noise import Noise

_HEADS, _MELS, _SUBSAMPLING, _KERNEL, _DURATIONS = 8, 128, 256, 9, 5
_VAD_WIDTH, _VAD_KERNEL = 128, 5
_TRITS = 5  # in a byte: 3 ** 5 is 243
_MIN_WIDTH, _MIN_UNITS = 256, 160  # with less than 32 for a head, or 128 units, the runtime computes NaN
_TYPES = {np.dtype(np.uint8): "U8", np.dtype(np.float16): "F16"}


@dataclass(frozen=True)
class Shape:
    """A model's dimensions; `units` are those of the prediction and joint networks, `group` the numbers to a scale."""

    words: int = 8192
    width: int = 1024
    layers: int = 24
    units: int = 640
    group: int = 128

    def smaller(self, scale: int) -> Shape:
        """The same with so many times fewer layers, and narrower, as tests have it."""
        width, units = max(self.width // scale, _MIN_WIDTH), max(self.units // scale, _MIN_UNITS)
        return replace(self, width=width, units=units, layers=max(self.layers // scale, 1))


Draw = Callable[[], npt.NDArray[np.generic]]
Tensors = dict[str, tuple[tuple[int, ...], np.dtype, Draw]]


def redux(scale: int) -> list[Part]:
    """The four files of a model."""
    shape = Shape().smaller(scale)
    words = pieces(shape.words)
    tokens = {
        "added_tokens": [{"id": 0, "content": words[0], "special": True}],
        "decoder": {"type": "Metaspace", "replacement": "▁"},
        "model": {"type": "BPE", "vocab": {word: number for number, word in enumerate(words)}},
    }
    tensors = _tensors(shape)
    size = sum(math.prod(dims) * kind.itemsize for dims, kind, _ in tensors.values())
    return [
        text("config.json", json.dumps(_config(shape))),
        text("ternary.json", json.dumps(_ternary(shape))),
        text("tokenizer.json", json.dumps(tokens)),
        Part("model.safetensors", size, lambda path, progress: _write(path, tensors, progress)),
    ]


def _config(shape: Shape) -> dict[str, object]:
    encoder = {
        "hidden_size": shape.width, "intermediate_size": 4 * shape.width, "num_hidden_layers": shape.layers,
        "num_attention_heads": _HEADS, "num_mel_bins": _MELS, "subsampling_conv_channels": _SUBSAMPLING,
        "subsampling_conv_kernel_size": 3, "subsampling_conv_stride": 2, "subsampling_factor": 8,
        "max_position_embeddings": 5000, "scale_input": False, "conv_kernel_size": _KERNEL,
    }  # fmt: skip
    return {
        "encoder_config": encoder, "blank_token_id": shape.words, "decoder_hidden_size": shape.units,
        "num_decoder_layers": 2, "durations": list(range(_DURATIONS)), "max_symbols_per_step": 10,
        "vocab_size": shape.words + 1, "ternary_group_size": shape.group, "ternary_modules": list(_modules(shape)),
    }  # fmt: skip


def _ternary(shape: Shape) -> dict[str, object]:
    modules = [
        {
            "name": name, "out_features": out, "in_features": into, "has_bias": False, "group_size": shape.group,
            "as_conv1d": "conv" in name, "zero_fraction": 1 / 3,
        }
        for name, (out, into) in _modules(shape).items()
    ]  # fmt: skip
    return {
        "format": "thrush-ternary-v2",
        "names": "hf",
        "quantized_modules": modules,
        "n_quantized_params": sum(out * into for out, into in _modules(shape).values()),
        "n_dense_params": 0,
        "vad_head": {"d_model": shape.width, "hidden": _VAD_WIDTH, "kernel": _VAD_KERNEL, "frame_seconds": 0.08},
    }


def _modules(shape: Shape) -> dict[str, tuple[int, int]]:
    """Returns the rows and columns of each ternary matrix."""
    width, inner = shape.width, 4 * shape.width
    of_a_layer = {f"feed_forward{n}.{part}": size for n in (1, 2) for part, size in _feed_forward(width, inner)}
    of_a_layer |= {f"self_attn.{part}_proj": (width, width) for part in ("q", "k", "v", "o", "relative_k")}
    of_a_layer |= {"conv.pointwise_conv1": (2 * width, width), "conv.pointwise_conv2": (width, width)}
    return {f"encoder.layers.{n}.{name}": size for n in range(shape.layers) for name, size in of_a_layer.items()}


def _feed_forward(width: int, inner: int) -> list[tuple[str, tuple[int, int]]]:
    return [("linear1", (inner, width)), ("linear2", (width, inner))]


def _tensors(shape: Shape) -> Tensors:
    noise, width, units, made = Noise(), shape.width, shape.units, Tensors()

    def dense(name: str, *dims: int, spread: float | None = None, mean: float = 0.0) -> None:
        chosen = 1 / math.sqrt(math.prod(dims[1:])) if spread is None else spread
        made[name] = dims, np.dtype(np.float16), lambda: (noise.floats(name, dims, chosen) + mean).astype(np.float16)

    def linear(name: str, *dims: int) -> None:
        dense(f"{name}.weight", *dims)
        dense(f"{name}.bias", dims[0], spread=0)

    for name, (out, into) in _modules(shape).items():
        packed, groups = (out, -(-into // _TRITS)), (out, -(-into // shape.group))
        made[f"{name}.qweight"] = packed, np.dtype(np.uint8), _bytes(noise, name, packed)
        dense(f"{name}.scales", *groups, spread=0.1 / math.sqrt(into), mean=math.sqrt(1.5 / into))
    for number in (0, 2, 3, 5, 6):
        sides = (1, 1) if number in (3, 6) else (3, 3)
        linear(f"encoder.subsampling.layers.{number}", _SUBSAMPLING, _SUBSAMPLING if sides == (1, 1) else 1, *sides)
    linear("encoder.subsampling.linear", width, _SUBSAMPLING * _MELS // 8)
    for number in range(shape.layers):
        layer = f"encoder.layers.{number}"
        for bias in ("bias_u", "bias_v"):
            dense(f"{layer}.self_attn.{bias}", _HEADS, width // _HEADS, spread=0.02)
        dense(f"{layer}.conv.depthwise_conv.weight", width, 1, _KERNEL)
        for part, mean in {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}.items():
            dense(f"{layer}.conv.norm.{part}", width, spread=0, mean=mean)
        for norm in ("feed_forward1", "self_att", "conv", "feed_forward2", "out"):
            dense(f"{layer}.norm_{norm}.weight", width, spread=0, mean=1)
            dense(f"{layer}.norm_{norm}.bias", width, spread=0)
    dense("decoder.embedding.weight", shape.words + 1, units, spread=0.1)
    for number in range(2):
        for side in ("ih", "hh"):
            dense(f"decoder.lstm.weight_{side}_l{number}", 4 * units, units)
            dense(f"decoder.lstm.bias_{side}_l{number}", 4 * units, spread=0)
    linear("decoder.decoder_projector", units, units)
    linear("encoder_projector", units, width)
    outputs = shape.words + 1 + _DURATIONS
    dense("joint.head.weight", outputs, units, spread=0.02)
    made["joint.head.bias"] = (outputs,), np.dtype(np.float16), lambda: _bias(shape)
    linear("vad_head.proj", _VAD_WIDTH, width, 1)
    linear("vad_head.ctx", _VAD_WIDTH, _VAD_WIDTH, _VAD_KERNEL)
    dense("vad_head.out.weight", 1, _VAD_WIDTH, 1, spread=0)
    dense("vad_head.out.bias", 1, spread=0, mean=5)  # all is speech
    return made


def _bytes(noise: Noise, name: str, dims: tuple[int, int]) -> Draw:
    return lambda: noise.bytes(name, dims) % np.uint8(3**_TRITS)


def _bias(shape: Shape) -> npt.NDArray[np.float16]:
    """Returns the bias that says: a token, and four frames on."""
    bias = np.zeros(shape.words + 1 + _DURATIONS, np.float16)
    bias[shape.words], bias[-1] = -50, 50
    return bias


def _write(path: Path, tensors: Tensors, progress: Progress) -> None:
    """A header of JSON behind its length, and then the numbers."""
    header, end = dict[str, object](), 0
    for name, (dims, kind, _) in tensors.items():
        begin, end = end, end + math.prod(dims) * kind.itemsize
        header[name] = {"dtype": _TYPES[kind], "shape": dims, "data_offsets": [begin, end]}
    described = json.dumps(header).encode()
    described += b" " * (-len(described) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(described)) + described)
        for _, _, draw in tensors.values():
            progress.add(file.write(draw().tobytes()))
