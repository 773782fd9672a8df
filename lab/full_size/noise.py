"""Draws random weights: the same for the same name on every machine, and faster than a disk writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

_DRAWN = 4_000_037  # numbers, a prime: rows of a matrix do not repeat
_BYTE_SPREAD = 40  # of a matrix of bytes, around 128


class Noise:
    """Draws the arrays of one model.

    Each is a stretch of one block of normally distributed numbers, begun where the array's name says, so that an array
    does not depend on those that were drawn before it.
    """

    def __init__(self, seed: int = 1) -> None:
        self._block = np.random.default_rng(seed).standard_normal(_DRAWN).astype(np.float32)

    def floats(
        self, name: str, shape: Sequence[int], spread: float, kind: npt.DTypeLike = np.float32
    ) -> npt.NDArray[np.floating]:
        """Normally distributed numbers with a standard deviation of `spread`."""
        if math.prod(shape) < _DRAWN:  # as a test's: no more is computed than it takes
            return (_stretch(self._block, name, shape) * np.float32(spread)).astype(kind, copy=False)
        block = self._block if spread == 1 else self._block * np.float32(spread)
        return _stretch(block.astype(kind, copy=False), name, shape)


def _stretch(block: npt.NDArray[Any], name: str, shape: Sequence[int]) -> npt.NDArray[Any]:
    flat = np.empty(math.prod(shape), block.dtype)
    at, begin = 0, crc32(name.encode()) % len(block)
    while at < len(flat):
        part = block[begin : begin + len(flat) - at]
        flat[at : at + len(part)] = part
        at, begin = at + len(part), 0
    return flat.reshape(shape)
