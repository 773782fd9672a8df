"""Taking out what no voice has: a constant offset, and what is below 100 Hz: wind, steps, lorries, hum.

Where that is loud, it is what the level is measured of: speech is then too quiet for the detector and the engine. Where
it is not, samples pass as they are: engines hear nothing better without it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hushd_worker_stt.engine import RATE

from .level import level

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

_CORNER_HZ = 100.0  # where 6 dB are taken away; 42 dB at 30 Hz, 24 at 50, 2 at 150
_LENGTH = 256  # samples, after which all but 55 dB of its answer to a click is over
_JUDGED = 4000  # samples, 0.25 s, once there are so many: of less, a syllable's beginning would count
_SLOW = 160  # samples, 10 ms, whose mean is hardly a voice's, but rumble's
_LEAST = 0.01  # of full scale: what a silent room's rumble stays below
_SHARE = 0.25  # of the level, from which on rumble counts


def _response() -> Samples:
    """The answer to a click of a Butterworth filter of second order, twice. Convolution with it takes a fiftieth of the
    time of a recursion in Python."""
    answer = np.zeros(_LENGTH)
    answer[0] = 1.0
    angle = 2 * math.pi * _CORNER_HZ / RATE
    cosine, alpha = math.cos(angle), math.sin(angle) / math.sqrt(2)
    for _ in range(2):
        driven = np.convolve(answer, (1 + cosine) / 2 * np.array([1.0, -2.0, 1.0]))
        last = before = 0.0
        for index in range(_LENGTH):
            last, before = (driven[index] + 2 * cosine * last - (1 - alpha) * before) / (1 + alpha), last
            answer[index] = last
    response: Samples = (answer - answer.mean()).astype(np.float32)  # of what is constant nothing is left
    return response


_RESPONSE = _response()


class HighPass:
    """The filter for one stream, from where it rumbles on; then 0.4 ms of work a second. It delays nothing."""

    def __init__(self) -> None:
        self._before: Samples | None = None  # the last samples heard
        self._on = False

    def __call__(self, samples: Samples) -> Samples:
        """The next `samples`, of one channel, or frames by channels; as many come back."""
        if len(samples) == 0:
            return samples
        if self._before is None:  # as if the first had lasted for ever: an offset begins with no bump
            self._before = np.repeat(samples[:1], _LENGTH - 1, axis=0)
        joined = np.concatenate((self._before, samples))
        self._before = joined[-_JUDGED:]
        channels = joined.reshape(len(joined), -1).T
        self._on = self._on or any(map(_rumbles, channels))
        if not self._on:
            return samples
        start = len(joined) - len(samples) - _LENGTH + 1
        filtered = [np.convolve(channel[start:], _RESPONSE, "valid") for channel in channels]
        return np.stack(filtered, axis=1).reshape(samples.shape)


def _rumbles(samples: Samples) -> bool:
    slow = samples[: len(samples) // _SLOW * _SLOW].reshape(-1, _SLOW).mean(axis=1)
    return float(np.median(np.abs(slow))) > max(_LEAST, _SHARE * level(samples))
