"""Measures loudness by ITU-R BS.1770-4, only with numpy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from .engine import Samples

    Powers = npt.NDArray[np.float64]

_BLOCK_S, HOP_S = 0.4, 0.1
_OFFSET = -0.691  # makes a sine of 997 Hz at full scale -3.01 LUFS
_SILENCE = 10 ** ((-70.0 - _OFFSET) / 10)  # blocks below -70 LUFS do not count,
_GATE = 0.1  # nor do blocks 10 LU below the mean of the others
_DECAY_S = 0.1  # for the filters to ring out


def powers(samples: Samples, rate: int) -> Powers:
    """Returns the K-weighted mean square of each audible block; blocks last 0.4 s and begin every 0.1 s.

    Samples shorter than a block are one block. The mean of the powers is the power of the whole; see `lufs`.
    """
    with np.errstate(all="ignore"):  # samples that are not numbers do not count
        blocks = _blocks(samples, rate)
    heard = blocks[blocks > _SILENCE]
    return heard[heard > heard.mean() * _GATE] if len(heard) else heard


def lufs(power: float) -> float:
    """Returns a mean of powers in LUFS; minus infinity for silence."""
    return _OFFSET + 10 * math.log10(power) if power > 0 else -math.inf


def power_of(loudness: float) -> float:
    """Returns the power of a loudness in LUFS."""
    return float(10 ** ((loudness - _OFFSET) / 10))


def _blocks(samples: Samples, rate: int) -> Powers:
    size = 1 << (len(samples) + round(_DECAY_S * rate)).bit_length()
    weighted = np.fft.irfft(np.fft.rfft(samples, size) * _response(size, rate), size)[: len(samples)]
    block, hop = round(_BLOCK_S * rate), round(HOP_S * rate)
    total = np.concatenate([[0.0], np.cumsum(weighted**2)])
    if len(samples) <= block:
        return total[-1:] / max(len(samples), 1)
    starts = np.arange(0, len(samples) - block + 1, hop)
    means: Powers = (total[starts + block] - total[starts]) / block
    return means


def _response(size: int, rate: int) -> npt.NDArray[np.float64]:
    """Returns the gain of the K-weighting at each frequency of a real FFT: a shelf of 4 dB for the head, a high-pass.

    The filters' frequencies, qualities and gains are those behind BS.1770's table for 48 kHz, for any rate. Their phase
    is ignored, since it does not change the power of a block.
    """
    cosine = np.cos(2 * np.pi / size * np.arange(size // 2 + 1))

    def power(first: float, second: float, third: float) -> npt.NDArray[np.float64]:
        """Returns the squared magnitude of first + second / z + third / z²."""
        around = first**2 + second**2 + third**2 - 2 * first * third
        squared: npt.NDArray[np.float64] = cosine * (2 * second * (first + third) + 4 * first * third * cosine)
        return squared + around

    k, q, high, middle = math.tan(math.pi * 1681.974450955533 / rate), 0.7071752369554196, 1.584865, 1.258720
    shelf = power(high + middle * k / q + k * k, 2 * (k * k - high), high - middle * k / q + k * k)
    shelf /= power(1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k)
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    whole = 1 + k / q + k * k
    high_pass = power(1, -2, 1) / power(1, 2 * (k * k - 1) / whole, (1 - k / q + k * k) / whole)
    response: npt.NDArray[np.float64] = np.sqrt(shelf * np.maximum(high_pass, 0))
    return response
