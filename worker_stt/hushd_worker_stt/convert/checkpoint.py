"""Reads a checkpoint in OpenAI's format: a zip file with a pickle that describes tensors, and their numbers beside it.

It does not need torch. The pickle may only name tensors: no other class is ever looked up.
"""

from __future__ import annotations

import math
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hushd_protocol.light_dataclass import dataclass

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_MAX_DESCRIPTION = 16_000_000  # bytes, 100 times large-v3's
_STORAGES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8"}


class BadCheckpoint(ValueError):
    """The file is not a complete checkpoint; the message says why."""


@dataclass(frozen=True, slots=True)
class _Tensor:
    """The place of a tensor's numbers: `offset` and `strides` count numbers of `kind` in the storage `key`."""

    kind: str
    key: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def fits(self, numbers: int) -> bool:
        """Returns whether the tensor is inside a storage of `numbers` numbers, even if its description is damaged."""
        if not all(type(number) is int and number >= 0 for number in (self.offset, *self.shape, *self.strides)):
            return False
        if len(self.shape) != len(self.strides) or not 0 < math.prod(self.shape) <= numbers:
            return False
        ends = ((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        return self.offset + sum(ends) < numbers


class Checkpoint:
    """An open checkpoint; a context manager. Tensors are read on demand.

    Attributes:
        dims: the model's dimensions, such as `n_mels` and `n_vocab`.

    Raises:
        BadCheckpoint: in the constructor and in `tensor`.
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except OSError:
            raise
        except Exception as error:
            raise BadCheckpoint("it is truncated, or not a checkpoint") from error
        try:
            name = next((name for name in self._zip.namelist() if name.endswith("/data.pkl")), None)
            if name is None or self._zip.getinfo(name).file_size > _MAX_DESCRIPTION:
                raise BadCheckpoint("it does not contain a model")
            self._folder = name.removesuffix("data.pkl") + "data/"
            with self._zip.open(name) as description:
                content = _Unpickler(description).load()
            self.dims: dict[str, int] = dict(content["dims"])
            self._tensors: dict[str, _Tensor] = dict(content["model_state_dict"])
        except BadCheckpoint:
            self._zip.close()
            raise
        except Exception as error:  # a damaged pickle may raise anything
            self._zip.close()
            raise BadCheckpoint(f"its description is damaged: {error}") from error

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *exception: object) -> None:
        self._zip.close()

    def tensor(self, name: str) -> npt.NDArray[np.floating[Any]]:
        """Returns the numbers of the tensor `name`, in the precision of the file."""
        import numpy as np

        tensor = self._tensors.get(name)
        if not isinstance(tensor, _Tensor):
            raise BadCheckpoint(f"it has no tensor {name!r}")
        try:
            entry = self._zip.getinfo(self._folder + tensor.key)
            if entry.compress_type != zipfile.ZIP_STORED:  # torch never compresses; zeros may expand to any size
                raise BadCheckpoint(f"its tensor {name!r} is compressed")
            numbers = np.frombuffer(self._zip.read(entry), tensor.kind)
        except (OSError, BadCheckpoint):
            raise
        except Exception as error:  # a damaged archive may raise anything
            raise BadCheckpoint(f"its tensor {name!r} is damaged") from error
        if not tensor.fits(len(numbers)):
            raise BadCheckpoint(f"its tensor {name!r} is damaged")
        steps = [stride * numbers.itemsize for stride in tensor.strides]
        return np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, steps, writeable=False)


def _tensor(storage: tuple[str, str], offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
    kind, key = storage
    return _Tensor(kind, key, offset, tuple(shape), tuple(strides))


class _Unpickler(pickle._Unpickler):
    """The unpickler in Python; the one in C allocates gigabytes for a number in the file, such as a memo's."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda tensor, *_: tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise BadCheckpoint(f"it needs {module}.{name}, which is not a tensor type of Whisper")

    def persistent_load(self, pid: Any) -> Any:
        _, kind, key, *_ = pid
        return kind, str(key)
