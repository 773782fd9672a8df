"""Measures the timbre of speech, well enough to notice another speaker or microphone. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .engine import RATE

if TYPE_CHECKING:
    from .engine import Samples

_WINDOW = 512  # samples of a spectrum
_EDGES = np.geomspace(120, 7000, 21)  # Hz, between 20 bands
# Successive pieces of one reader differ by 1.8 to 2.4 dB; of 300 pairs of 25 people, 298 by 3.0 or more.
_ALIKE_DB = 2.7
# The share of samples that are almost as loud as the loudest hundredth: 2 % in speech, 4 % in noise.
_CLIPPED = 0.08
_NEARLY = 0.8


class Timbre:
    """The mean spectrum of the louder half of speech, independent of its level; takes 0.2 ms per second."""

    def __init__(self, bands_db: Samples) -> None:
        self._bands_db = bands_db

    @classmethod
    def of(cls, samples: Samples) -> Timbre:
        windows = samples[: len(samples) // _WINDOW * _WINDOW].reshape(-1, _WINDOW) * np.hanning(_WINDOW)
        powers = np.abs(np.fft.rfft(windows)) ** 2
        energy = powers.sum(axis=1)
        spectrum = powers[energy >= np.sort(energy)[len(energy) // 2]].mean(axis=0)
        firsts = np.searchsorted(np.fft.rfftfreq(_WINDOW, 1 / RATE), _EDGES)
        bands = np.array([spectrum[low:high].mean() for low, high in pairwise(firsts)])
        decibels = 10 * np.log10(bands + 1e-12)
        return cls(decibels - decibels.mean())

    def resembles(self, other: Timbre) -> bool:
        """Returns whether both may be of the same person in the same place."""
        return bool(np.sqrt(np.mean((self._bands_db - other._bands_db) ** 2)) < _ALIKE_DB)


def is_clipped(samples: Samples) -> bool:
    """Returns whether `samples` were recorded far too loud and cut off at full scale, even if they were resampled
    later."""
    loudness, rank = np.abs(samples), len(samples) * 99 // 100
    return bool(np.mean(loudness >= _NEARLY * np.partition(loudness, rank)[rank]) > _CLIPPED)
