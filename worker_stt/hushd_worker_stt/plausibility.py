"""The check that a text can be the speech: a second reading of the same speech agrees with the first, or it does not.

A model that does not know the language of a recording writes fluent sentences of its own language, and other ones
each time it reads the same speech: a third of a second of silence in front is enough, or another pitch. Speech that it
knows it reads the same way. The thresholds were chosen on half of 29 clips of people who read (docs/BENCHMARKS.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import soxr

from .engine import RATE
from .segmentation.pieces import quietest
from .segmentation.vad import FRAME
from .timbre import Timbre, is_clipped
from .words import keys, split

if TYPE_CHECKING:
    from .engine import Samples

_LEAD_S = 0.35  # of silence in front of a reading
_LOOKS_S = ((1.6, 2.6), (3.5, 5.0))  # the lengths of first looks, each cut where it is quietest
_FEW = 3  # words of a look, which agree where all of them do
_LETTERS = 8  # of words that do not agree by accident
_SAME = 0.15  # of the words differ: the readings agree
_OTHER = 0.32  # of the words differ in all readings: it is another language
_ENOUGH = 2  # readings after which they may be found to agree
_WORDS = 6  # of a piece that can be judged
_UNREAD = 5  # pieces in the same voice after one that was read alike


class Plausibility:
    """Judges the pieces of a recording, one after another.

    A piece is read again where it may be in another language than those before: the first one, one that sounds like
    somebody else or like another microphone, and each sixth. So one language in one voice costs next to nothing.

    Args:
        read: transcribes samples once more.

    Attributes:
        clipped: whether there was speech that was cut off at full scale. It is read differently each time, too, so
            nothing is concluded about its language.
    """

    def __init__(self, read: Callable[[Samples], str]) -> None:
        self._read = read
        self._verdicts: dict[bool, Timbre] = {}  # timbres of the last unlikely piece and the last likely one
        self._unread = 0  # pieces since the last one that was read again
        self.clipped = False

    def unlikely(self, samples: Samples, text: str) -> bool:
        """Returns whether the `text`, a first reading of a piece's `samples`, is probably not the speech."""
        first = keys(split(text))
        if len(first) < _WORDS:
            return False
        timbre = Timbre.of(samples)
        if self._unread < _UNREAD and False in self._verdicts and self._verdicts[False].resembles(timbre):
            self._unread += 1
            return False
        if is_clipped(samples):
            self.clipped = True
            return False
        self._unread = 0
        verdict = not self._agrees_at_first(samples, first) and (
            (True in self._verdicts and self._verdicts[True].resembles(timbre))
            or self._differing(samples, first) > _OTHER
        )
        self._verdicts[verdict] = timbre
        return verdict

    def _agrees_at_first(self, samples: Samples, first: Sequence[str]) -> bool:
        """Returns whether a reading of the beginning alone agrees: nearly always enough where the language is known."""
        for shortest, longest in _LOOKS_S:
            words = keys(split(self._read(_later(_beginning(samples, shortest, longest)))))
            allowed = _SAME * len(words) if len(words) >= _FEW else -1
            if _begins(words, first) or differences(words, first, anywhere=True) <= allowed:
                return True
        return False

    def _differing(self, samples: Samples, first: Sequence[str]) -> float:
        """The share of words that differ in other readings of a piece."""
        errors = count = 0
        for number, change in enumerate(_CHANGES, 1):
            words = keys(split(self._read(change(samples))))
            errors += differences(words, first)
            count += max(len(words), len(first))
            if number >= _ENOUGH and errors <= _SAME * count:
                break
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


def _at_speed(factor: float) -> Callable[[Samples], Samples]:
    def changed(samples: Samples) -> Samples:
        result: Samples = soxr.resample(samples, RATE * factor, RATE)
        return result

    return changed


def _begins(words: Sequence[str], others: Sequence[str]) -> bool:
    """Returns whether `others` begin with `words`, long enough ones; the last of more than a few may have been cut."""
    certain = words if len(words) <= _FEW else words[:-1]
    return sum(map(len, certain)) >= _LETTERS and list(others[: len(certain)]) == list(certain)


def _beginning(samples: Samples, shortest: float, longest: float) -> Samples:
    first, last = (round(seconds * RATE / FRAME) for seconds in (shortest, longest))
    if len(samples) <= last * FRAME:
        return samples
    energies = np.square(samples[first * FRAME : last * FRAME].reshape(-1, FRAME)).sum(axis=1)
    return samples[: (first + quietest(energies, 9)) * FRAME]


# Half a tone up and down, and a whole one up.
_CHANGES: tuple[Callable[[Samples], Samples], ...] = (_later, _at_speed(1.06), _at_speed(1 / 1.06), _at_speed(1.12))
