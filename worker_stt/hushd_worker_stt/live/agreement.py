"""Finds the stable words of an unfinished utterance, on which two passes agree. Pure.

While a person speaks, the utterance is transcribed repeatedly as it grows, and its end changes each time: the last word
was cut off, or the next one clarifies it. Words on which two passes in a row agree hardly ever change again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from hushd_worker_stt.words import keys, split


class Agreement:
    """An utterance while it is transcribed; its text so far is `stable + text`.

    Attributes:
        stable: the text that only grows at its end.
        text: the rest of the last pass.
    """

    def __init__(self) -> None:
        self._stable: list[str] = []
        self._rest: list[str] = []

    @property
    def stable(self) -> str:
        return "".join(self._stable).lstrip()

    @property
    def text(self) -> str:
        text = "".join(self._rest)
        return text if self._stable else text.lstrip()

    def update(self, text: str) -> None:
        """Adds the text of the next pass."""
        words = split(text)
        rest = words[_length_of(keys(self._stable), keys(words)) :]
        before = zip(keys(self._rest), keys(rest), strict=False)
        agreed = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], before))
        self._stable += rest[:agreed]
        self._rest = rest[agreed:]

    def finish(self, text: str) -> None:
        """Removes the words at the beginning that the final `text` replaces."""
        final = _length_of(keys(split(text)), keys([*self._stable, *self._rest]))
        self._rest = self._rest[max(0, final - len(self._stable)) :]
        self._stable = self._stable[final:]


def without(text: str, beginning: str) -> str:
    """Returns `text` without the words at its beginning that correspond to `beginning`, from another pass."""
    words = split(text)
    return "".join(words[_length_of(keys(split(beginning)), keys(words)) :])


def _length_of(stable: Sequence[str], heard: Sequence[str]) -> int:
    """The number of words at the beginning of `heard` that differ from `stable` by the fewest edits."""
    costs = list(range(len(heard) + 1))
    for i, word in enumerate(stable, 1):
        diagonal, costs[0] = costs[0], i
        for j, other in enumerate(heard, 1):
            diagonal, costs[j] = costs[j], min(costs[j] + 1, costs[j - 1] + 1, diagonal + (word != other))
    return min(range(len(costs)), key=lambda j: (costs[j], abs(j - len(stable))))
