"""GGUF files, the format of ggml's models, written a tensor at a time and without its library."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .making import Part

_ALIGNED = 32  # bytes, at which each tensor begins
_BLOCK = 32  # numbers of Q8_0 that share a scale
_TEXT, _LIST = 8, 9
_SCALARS = {"uint32": 4, "int32": 5, "float32": 6, "bool": 7}  # their numbers in the format
_KINDS = {"f32": (0, 1, 4), "f16": (1, 1, 2), "q8_0": (8, _BLOCK, 2 + _BLOCK)}  # a block's numbers and bytes

Value = str | bool | int | float | list[str] | np.generic | np.ndarray
Keys = Mapping[str, Value]


@dataclass(frozen=True)
class Tensor:
    """A tensor that is yet to be made.

    Attributes:
        shape: the outermost dimension first.
        kind: `f32`, `f16` or `q8_0`.
        draw: makes its numbers.
    """

    shape: tuple[int, ...]
    kind: str
    draw: Callable[[], np.ndarray]

    @property
    def size(self) -> int:
        """The bytes of it."""
        _, numbers, size = _KINDS[self.kind]
        return math.prod(self.shape) // numbers * size

    def packed(self) -> bytes:
        """Its numbers as the file has them."""
        numbers = np.asarray(self.draw(), np.float32).reshape(self.shape)
        if self.kind != "q8_0":
            return numbers.astype("<f2" if self.kind == "f16" else "<f4").tobytes()
        blocks = numbers.reshape(-1, _BLOCK)
        scales = (np.abs(blocks).max(axis=1, keepdims=True) / 127).astype("<f2")
        divisors = np.where(scales == 0, 1, scales).astype(np.float32)
        packed = np.empty(len(blocks), np.dtype([("scale", "<f2"), ("bytes", "i1", _BLOCK)]))
        packed["scale"], packed["bytes"] = scales[:, 0], np.clip(np.rint(blocks / divisors), -127, 127)
        return packed.tobytes()


def part(name: str, keys: Keys, tensors: Mapping[str, Tensor]) -> Part:
    """A file with these keys and tensors. A whole number is written as uint32: say `np.int32(…)` for another kind."""
    size = sum(-(-tensor.size // _ALIGNED) * _ALIGNED for tensor in tensors.values())
    return Part(name, size, lambda path: write(path, keys, tensors))


def write(path: Path, keys: Keys, tensors: Mapping[str, Tensor]) -> None:
    """Writes such a file to `path`."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    head += b"".join(_text(key) + _value(value) for key, value in keys.items())
    at = 0
    for name, tensor in tensors.items():
        shape = tensor.shape[::-1]
        head += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, _KINDS[tensor.kind][0], at)
        at += -(-tensor.size // _ALIGNED) * _ALIGNED
    with open(path, "wb") as file:
        file.write(head + bytes(-len(head) % _ALIGNED))
        for tensor in tensors.values():
            file.write(packed := tensor.packed())
            file.write(bytes(-len(packed) % _ALIGNED))


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Value) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", _TEXT) + _text(value)
    if isinstance(value, list):
        return struct.pack("<IIQ", _LIST, _TEXT, len(value)) + b"".join(map(_text, value))
    numbers = np.asarray(value)
    if not isinstance(value, np.generic | np.ndarray) and numbers.dtype != bool:
        numbers = numbers.astype(np.float32 if isinstance(value, float) else np.uint32)
    kind = _SCALARS[numbers.dtype.name]
    if numbers.ndim:
        return struct.pack("<IIQ", _LIST, kind, len(numbers)) + numbers.tobytes()
    return struct.pack("<I", kind) + numbers.tobytes()
