"""Mixing channels to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

# The mean of channels that have nothing in common has a power of 1 / n of theirs. Of the same speech in opposite phase,
# as a cable wired the wrong way round or a "wide" recording has it, next to nothing is left.
_CANCELLED = 0.1  # of 1 / n
_RESTORED = 0.5
_KEPT = 0.8  # of the powers so far, a block of about a second later: five seconds
_SILENCE = 1e-8  # mean square, -80 dB: nothing to judge by


class Mixdown:
    """Mixes blocks of a stream to mono: the mean of the channels, or the loudest one where they cancel each other.

    The mean is of all channels, even a bass channel: no header says reliably which one that is, and in a recording of
    a meeting it is somebody's microphone.

    Attributes:
        cancelled: whether one channel was taken anywhere.
    """

    def __init__(self) -> None:
        self.cancelled = False
        self._alone = False  # one channel is taken, at present
        self._powers: Any = None  # of each channel and, at the end, of their mean; mean squares

    def __call__(self, block: Samples) -> Samples:
        """`block`, frames by channels, as mono."""
        if block.shape[1] == 1:
            return sane(block[:, 0])
        block = sane(block)
        mean: Samples = block.mean(axis=1)
        return self._loudest(block) if len(block) and self._cancels(block, mean) else mean

    def _cancels(self, block: Samples, mean: Samples) -> bool:
        powers = np.append(np.square(block).mean(axis=0), np.square(mean).mean())
        if powers.max() < _SILENCE:
            return self._alone
        self._powers = powers if self._powers is None else _KEPT * self._powers + (1 - _KEPT) * powers
        limit = _RESTORED if self._alone else _CANCELLED
        channels = block.shape[1]
        self._alone = bool(self._powers[-1] * channels < limit * self._powers[:-1].mean())
        self.cancelled |= self._alone
        return self._alone

    def _loudest(self, block: Samples) -> Samples:
        channel: Samples = block[:, int(np.argmax(self._powers[:-1]))]
        return channel


def sane(samples: Samples) -> Samples:
    """`samples` without NaN and infinities."""
    # Beyond 100 times full scale a float file is broken; squares of what is left stay finite.
    return np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -100.0, 100.0)
