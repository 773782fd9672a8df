"""Whether a text can be what was said: a second reading of the same speech agrees with the first, or it does not.

A model that does not know the language of a recording writes fluent sentences of its own language, and each time
others: half a second of silence in front is enough. Speech that it knows it reads the same way. Of 29 clips of people
reading, the readings of 25 in the model's language differed in at most every third word, noise of 20 dB included, and
those of 20 in other languages in more than that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import soxr

from .engine import RATE
from .segmentation.pieces import quietest
from .segmentation.vad import FRAME
from .words import keys, split

if TYPE_CHECKING:
    from .engine import Samples

_LEAD_S = 0.35  # of silence in front of the second reading
_FASTER = 1.06  # of the third: half a tone
_FIRST_S = (2.5, 4.0)  # the length of a first look, cut where it is quietest
_SAME = 0.15  # of the words differ: the first look is enough
_CLOSE = 0.25  # of the words differ in the second reading: a third one is not needed
_OTHER = 0.35  # of the words differ in the second and third reading: it is another language
_PIECES = 2  # that are looked at, where the first one is not clear
_WORDS = 6  # that are compared, at least


class Plausibility:
    """Compares readings of the first pieces of a recording.

    Args:
        read: transcribes samples once more.
    """

    def __init__(self, read: Callable[[Samples], str]) -> None:
        self._read = read
        self._left = _PIECES
        self._errors = self._words = 0

    @property
    def unlikely(self) -> bool:
        """Whether the text is not what was said, by the pieces so far."""
        return self._words >= _WORDS and self._errors > _OTHER * self._words

    def check(self, samples: Samples, text: str) -> None:
        """Judges a piece by its `samples` and the `text` of their first reading; costs nothing once that is clear."""
        first = keys(split(text))
        if self._left == 0 or not first:
            return
        self._left -= 1
        if len(first) >= _WORDS and self._agrees_at_first(samples, first):
            self._left = 0
            return
        second = self._compare(_later(samples), first)
        if second > _CLOSE:
            self._compare(_faster(samples), first)
        elif self._words >= _WORDS:
            self._left = 0

    def _agrees_at_first(self, samples: Samples, first: Sequence[str]) -> bool:
        words = keys(split(self._read(_later(_beginning(samples)))))
        return len(words) >= _WORDS // 2 and differences(words, first, anywhere=True) <= _SAME * len(words)

    def _compare(self, samples: Samples, first: Sequence[str]) -> float:
        """Adds another reading of a piece; returns which share of its words differs."""
        words = keys(split(self._read(samples)))
        errors, count = differences(words, first), max(len(words), len(first))
        self._errors += errors
        self._words += count
        return errors / count


def differences(words: Sequence[str], others: Sequence[str], *, anywhere: bool = False) -> int:
    """The fewest words to insert, delete or replace to make `words` of `others`, or of any part of them `anywhere`."""
    costs = [0] * (len(others) + 1) if anywhere else list(range(len(others) + 1))
    for number, word in enumerate(words, 1):
        before, costs = costs, [number]
        for index, other in enumerate(others):
            costs.append(min(before[index + 1] + 1, costs[-1] + 1, before[index] + (word != other)))
    return min(costs) if anywhere else costs[-1]


def _later(samples: Samples) -> Samples:
    return np.concatenate((np.zeros(round(_LEAD_S * RATE), np.float32), samples))


def _faster(samples: Samples) -> Samples:
    faster: Samples = soxr.resample(samples, RATE * _FASTER, RATE)
    return faster


def _beginning(samples: Samples) -> Samples:
    first, last = (round(seconds * RATE / FRAME) for seconds in _FIRST_S)
    if len(samples) <= last * FRAME:
        return samples
    energies = np.square(samples[first * FRAME : last * FRAME].reshape(-1, FRAME)).sum(axis=1)
    return samples[: (first + quietest(energies, 9)) * FRAME]
