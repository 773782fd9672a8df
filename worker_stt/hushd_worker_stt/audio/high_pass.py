"""A filter that removes a constant offset and sound below 100 Hz: wind, steps, lorries, hum.

Loud rumble would be mistaken for the level of the speech, which would then be too quiet for the detector and the
engine. If there is little rumble, samples pass unchanged, since engines do not benefit from removing it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hushd_worker_stt.engine import RATE

from .level import level

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

_CORNER_HZ = 100.0  # attenuated by 6 dB; 30 Hz by 42 dB, 50 Hz by 24, 150 Hz by 2
_LENGTH = 256  # samples, after which the impulse response has decayed by 55 dB
_JUDGED = 4000  # samples, 0.25 s, judged together: with fewer, the beginning of a syllable would count as rumble
_SLOW = 160  # samples, 10 ms, whose mean contains little of a voice and most of a rumble
_MIN_RUMBLE = 0.01  # of full scale: the rumble of a silent room is less
_MIN_SHARE = 0.25  # of the level: less rumble is ignored


def _response() -> Samples:
    """Returns the impulse response of two Butterworth filters of second order in a row. Convolution with it takes a
    fiftieth of the time of a recursion in Python."""
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
    response: Samples = (answer - answer.mean()).astype(np.float32)  # a constant is removed entirely
    return response


_RESPONSE = _response()


class HighPass:
    """The filter of a stream. It is off until the stream rumbles, then takes 0.4 ms per second. It adds no delay."""

    def __init__(self) -> None:
        self._before: Samples | None = None  # the last input samples
        self._on = False

    def __call__(self, samples: Samples) -> Samples:
        """Filters the next `samples`, of one channel; returns as many."""
        if len(samples) == 0:
            return samples
        if (
            self._before is None
        ):  # as if the first sample had always been there, so that an offset does not begin with a jump
            self._before = np.repeat(samples[:1], _LENGTH - 1)
        joined = np.concatenate((self._before, samples))
        self._before = joined[-_JUDGED:]
        self._on = self._on or _rumbles(joined)
        if not self._on:
            return samples
        start = len(joined) - len(samples) - _LENGTH + 1
        return np.convolve(joined[start:], _RESPONSE, "valid")


def _rumbles(samples: Samples) -> bool:
    slow = samples[: len(samples) // _SLOW * _SLOW].reshape(-1, _SLOW).mean(axis=1)
    median = np.sort(np.abs(slow))[len(slow) // 2]  # np.median would import numpy.ma, 9 ms of a cold worker's first job
    return float(median) > max(_MIN_RUMBLE, _MIN_SHARE * level(samples))
