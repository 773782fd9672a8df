"""Mixes channels to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from hushd_worker_stt.engine import Samples

# The mean of unrelated channels has 1 / n of their power. Of the same speech in opposite phase, by a wrongly wired
# cable or in a "wide" recording, hardly anything is left.
_CANCELLED = 0.1  # of 1 / n
_RESTORED = 0.5
_KEPT = 0.8  # the weight of the powers so far, at each block of about a second: a memory of five seconds
_WEIGHTS = {"FC": 1.0, "FL": 0.707, "FR": 0.707, "LFE": 0.0, "LFE2": 0.0}
_BESIDE = 0.01  # of the loudest channel's power: below it the centre is silent
_AROUND = 0.5  # the weight of channels beside and behind
_SILENCE = 1e-8  # mean square, -80 dB: too quiet to judge


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
        return self._loudest(block) if len(block) and self._cancels(block, mean) else mean

    def _around(self, block: Samples, layout: Sequence[str]) -> Samples:
        weights = np.array([_WEIGHTS.get(name, _AROUND) for name in layout], np.float32)
        powers = self._remembered(np.square(block).mean(axis=0)) * (weights > 0)
        centre = layout.index("FC")
        if powers[centre] > max(_SILENCE, _BESIDE * float(np.max(powers))):
            alone: Samples = block[:, centre]
            return alone
        mixed: Samples = block @ (weights / weights.sum())
        return mixed

    def _remembered(self, powers: Any) -> Any:
        self._powers = powers if self._powers is None else _KEPT * self._powers + (1 - _KEPT) * powers
        return self._powers

    def _cancels(self, block: Samples, mean: Samples) -> bool:
        powers = np.append(np.square(block).mean(axis=0), np.square(mean).mean())
        if powers.max() < _SILENCE:
            return self._alone
        powers = self._remembered(powers)
        limit = _RESTORED if self._alone else _CANCELLED
        channels = block.shape[1]
        self._alone = bool(powers[-1] * channels < limit * powers[:-1].mean())
        self.cancelled |= self._alone
        return self._alone

    def _loudest(self, block: Samples) -> Samples:
        channel: Samples = block[:, int(np.argmax(self._powers[:-1]))]
        return channel


def sane(samples: Samples) -> Samples:
    """Returns `samples` without NaN and infinities."""
    # Beyond 100 times full scale a float file is broken; squares of the remaining values are finite.
    return np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -100.0, 100.0)
