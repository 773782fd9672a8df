"""Makes mono at 16 kHz without rumble of any sound, a file's or raw samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import soxr

from hushd_worker_stt.engine import RATE, Samples

from .level import level

# The mean of unrelated channels has 1 / n of their power. Of the same speech in opposite phase, by a wrongly wired
# cable or in a "wide" recording, hardly anything is left.
_CANCELLED = 0.1  # share of 1 / n
_RESTORED = 0.5
_PAST_WEIGHT = 0.8  # the weight of the powers so far, at each block of about a second: a memory of five seconds
_WEIGHTS = {"FC": 1.0, "FL": 0.707, "FR": 0.707, "LFE": 0.0, "LFE2": 0.0}
_BESIDE = 0.01  # share of the loudest channel's power, below which the centre is silent
_AROUND = 0.5  # the weight of channels beside and behind
_SILENT_POWER = 1e-8  # mean square, -80 dB: too quiet to judge


class Mixdown:
    """Mixes blocks of a stream to mono.

    Of channels around a centre, as of a film in 5.1, the centre is taken, where people speak; while it is silent beside
    the others, all are weighted as ITU-R BS.775 has it, without the bass. Other channels, such as the microphones of a
    meeting, count alike; or the loudest one does alone, if they cancel each other.

    Attributes:
        cancelled: whether a single channel was used anywhere.
    """

    def __init__(self) -> None:
        self.cancelled = False
        self._alone = False  # whether a single channel is used at present
        self._powers: Any = None  # mean squares of each channel and, last, of their mean

    def __call__(self, block: Samples, layout: Sequence[str] = ()) -> Samples:
        """Returns `block`, frames by channels, as mono; `layout` names the channels if known, as FFmpeg does."""
        if block.shape[1] == 1:
            return sane(block[:, 0])
        block = sane(block)
        if "FC" in layout and len(block):
            return self._around(block, layout)
        mean: Samples = block.mean(axis=1)
        if len(block) and self._cancels(block, mean):
            mean = block[:, int(np.argmax(self._powers[:-1]))]  # the loudest channel
        return mean

    def _around(self, block: Samples, layout: Sequence[str]) -> Samples:
        weights = np.array([_WEIGHTS.get(name, _AROUND) for name in layout], np.float32)
        powers = self._remembered(np.square(block).mean(axis=0)) * (weights > 0)
        centre = layout.index("FC")
        if powers[centre] > max(_SILENT_POWER, _BESIDE * float(np.max(powers))):
            alone: Samples = block[:, centre]
            return alone
        mixed: Samples = block @ (weights / weights.sum())
        return mixed

    def _remembered(self, powers: Any) -> Any:
        self._powers = powers if self._powers is None else _PAST_WEIGHT * self._powers + (1 - _PAST_WEIGHT) * powers
        return self._powers

    def _cancels(self, block: Samples, mean: Samples) -> bool:
        powers = np.append(np.square(block).mean(axis=0), np.square(mean).mean())
        if powers.max() < _SILENT_POWER:
            return self._alone
        powers = self._remembered(powers)
        limit = _RESTORED if self._alone else _CANCELLED
        channels = block.shape[1]
        self._alone = bool(powers[-1] * channels < limit * powers[:-1].mean())
        self.cancelled |= self._alone
        return self._alone


def sane(samples: Samples) -> Samples:
    """Returns `samples` without NaN and infinities."""
    # A float file beyond 100 times full scale is broken; squares of the remaining values are finite.
    return np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -100.0, 100.0)


_CORNER_HZ = 100.0  # attenuated by 6 dB; 30 Hz by 42 dB, 50 Hz by 24, 150 Hz by 2
_LENGTH = 256  # samples, after which the impulse response has decayed by 55 dB
_JUDGED = 4000  # samples, 0.25 s, judged together: with fewer, the beginning of a syllable would count as rumble
_SLOW = 160  # samples, 10 ms, whose mean contains little of a voice and most of a rumble
_MIN_RUMBLE = 0.01  # share of full scale: the rumble of a silent room is less
_MIN_RUMBLE_SHARE = 0.25  # share of the level: less rumble is ignored


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
        if self._before is None:
            # The first sample counts as if it had always been there, so that an offset does not begin with a jump.
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
    return float(median) > max(_MIN_RUMBLE, _MIN_RUMBLE_SHARE * level(samples))


class Inlet:
    """Resamples a stream from `rate` to 16 kHz and removes rumble."""

    def __init__(self, rate: int) -> None:
        self._stream = None if rate == RATE else soxr.ResampleStream(rate, RATE, 1, "float32", "HQ")
        self._high_pass = HighPass()
        self._nothing = np.zeros(0, np.float32)

    def push(self, samples: Samples) -> Samples:
        return self._high_pass(self._stream.resample_chunk(samples) if self._stream else samples)

    def flush(self) -> Samples:
        """Returns the samples that are still in the filter."""
        return self._high_pass(self._stream.resample_chunk(self._nothing, last=True) if self._stream else self._nothing)


def raw_blocks(
    pieces: Iterable[bytes],
    rate: int,
    channels: int,
    start_s: float = 0.0,
    *,
    mixdown: Mixdown | None = None,
    inlet: Callable[[int], Inlet] = Inlet,
) -> Iterator[Samples]:
    """Yields interleaved s16le samples from `start_s` on, as they arrive in `pieces`, which may split samples.
    `inlet`: makes what resamples the mixed blocks."""
    mixdown = mixdown or Mixdown()
    stream = inlet(rate)
    width = 2 * channels
    skip = round(start_s * rate) * width
    rest = b""
    for piece in pieces:
        data = rest + piece
        if skip:
            data, skip = data[skip:], max(0, skip - len(data))
        whole = len(data) // width * width
        rest = data[whole:]
        if whole:
            samples = np.frombuffer(data, "<i2", whole // 2).reshape(-1, channels)
            block = samples.astype(np.float32) / np.float32(32768)
            yield stream.push(mixdown(block))
    yield stream.flush()
