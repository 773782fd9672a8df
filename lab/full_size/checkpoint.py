"""Checkpoints of torch's, written a tensor at a time and without torch."""

from __future__ import annotations

import io
import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .making import Part

_ALIGNED = 64  # bytes, at which torch begins each tensor in the archive
_STORAGES = {"float16": "HalfStorage", "float32": "FloatStorage"}

Shapes = Mapping[str, tuple[int, ...]]
Draw = Callable[[str, tuple[int, ...]], np.ndarray]


def part(name: str, shapes: Shapes, draw: Draw, kind: str = "float16", **content: Any) -> Part:
    """A checkpoint with `content`, and as `model_state_dict` the tensors that `draw` makes by name and shape."""
    size = sum(map(math.prod, shapes.values())) * np.dtype(kind).itemsize
    return Part(name, size, lambda path: _write(path, shapes, draw, kind, content))


def _write(path: Path, shapes: Shapes, draw: Draw, kind: str, content: dict[str, Any]) -> None:
    tensors = {name: _Tensor(str(key), kind, shape) for key, (name, shape) in enumerate(shapes.items())}
    description = io.BytesIO()
    _Pickler(description, 2).dump(content | {"model_state_dict": tensors})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("archive/data.pkl"), description.getvalue())
        archive.writestr(zipfile.ZipInfo("archive/byteorder"), b"little")
        for name, tensor in tensors.items():
            entry = zipfile.ZipInfo(f"archive/data/{tensor.key}")
            begin = archive.fp.tell() + 30 + len(entry.filename) + 4  # the header, and that of the filling
            filling = -begin % _ALIGNED
            entry.extra = struct.pack("<2sH", b"FB", filling) + bytes(filling)
            numbers = np.asarray(draw(name, tensor.shape), kind)
            with archive.open(entry, "w") as file:
                file.write(numbers.reshape(-1).data)
        archive.writestr(zipfile.ZipInfo("archive/version"), b"3\n")


class _Global:
    """A name in a module, which is not imported to write it down."""

    def __init__(self, module: str, name: str) -> None:
        self.line = f"{module}\n{name}\n".encode()

    def __call__(self) -> None:
        raise NotImplementedError  # it only has to look like a function to be pickled as one


class _Tensor:
    """A tensor whose numbers are all of the archive's file `key`."""

    def __init__(self, key: str, kind: str, shape: tuple[int, ...]) -> None:
        self.key, self.kind, self.shape = key, kind, shape

    def __reduce__(self) -> tuple[Any, ...]:
        strides = tuple(math.prod(self.shape[place + 1 :]) for place in range(len(self.shape)))
        rebuild: Any = _Global("torch._utils", "_rebuild_tensor_v2")
        return rebuild, (_Storage(self), 0, self.shape, strides, False, OrderedDict())


class _Storage:
    def __init__(self, tensor: _Tensor) -> None:
        self.id = (
            "storage", _Global("torch", _STORAGES[tensor.kind]), tensor.key, "cpu", math.prod(tensor.shape)
        )  # fmt: skip


class _Pickler(pickle._Pickler):  # that in C imports what it names
    def save(self, value: Any, save_persistent_id: bool = True) -> None:
        if isinstance(value, _Global):
            self.write(pickle.GLOBAL + value.line)
        else:
            super().save(value, save_persistent_id)

    def persistent_id(self, value: Any) -> Any:
        return value.id if isinstance(value, _Storage) else None
