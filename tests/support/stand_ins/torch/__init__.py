"""A stand-in for torch in the tests of chatterbox: what the engine asks of it, with numpy inside."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

version = SimpleNamespace(hip=None)
cuda = SimpleNamespace(is_available=lambda: False)
backends = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False))


class Module:
    """No module is loaded here; test_mapped_torch.py loads those of torch itself."""

    def load_state_dict(self, state: object) -> None:
        raise AssertionError


def load(file: object) -> None:
    raise AssertionError


nn = SimpleNamespace(Module=Module, init=SimpleNamespace(trunc_normal_=lambda tensor: tensor))


class Tensor:
    """An array that calls itself a tensor."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def squeeze(self, axis: int) -> Tensor:
        return Tensor(self._array.squeeze(axis))

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> np.ndarray:
        return self._array
