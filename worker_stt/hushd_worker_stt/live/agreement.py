"""Which words of an unfinished utterance are sure. Pure.

While somebody speaks the utterance is transcribed again and again as it grows, and its end changes each time: the last
word was cut, or the next one showed what it meant. Words on which two passes in a row agree hardly ever change again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

# Words are separated by spaces; in Thai, Chinese and Japanese, where they are not, a character is a word.
_NO_SPACES = "\u0e00-\u0eff\u2e80-\ua4cf\uf900-\ufaff\uff00-\uffef"
_WORD = re.compile(rf"\s*(?:[{_NO_SPACES}]|[^\s{_NO_SPACES}]+)")
_SIGNS = re.compile(r"[\W_]+")


class Agreement:
    """One utterance while it is transcribed. What is understood so far is `stable + text`.

    Attributes:
        stable: grows only at its end.
        text: what the last pass heard behind it.
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
        """Takes what the next pass made of the utterance."""
        words = _words(text)
        rest = words[_length_of(_keys(self._stable), _keys(words)) :]
        before = zip(_keys(self._rest), _keys(rest), strict=False)
        agreed = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], before))
        self._stable += rest[:agreed]
        self._rest = rest[agreed:]


def _words(text: str) -> list[str]:
    """The words of `text`, each with the space before it: joined they are the text."""
    return _WORD.findall(f" {text.strip()}") if text.strip() else []


def _keys(words: Sequence[str]) -> list[str]:
    """What of each word counts: a comma that becomes a full stop, or a capital letter, makes no other word."""
    return [_SIGNS.sub("", word).casefold() for word in words]


def _length_of(stable: Sequence[str], heard: Sequence[str]) -> int:
    """How many words of `heard` are another reading of `stable`: those that differ from it by the fewest edits."""
    costs = list(range(len(heard) + 1))
    for i, word in enumerate(stable, 1):
        diagonal, costs[0] = costs[0], i
        for j, other in enumerate(heard, 1):
            diagonal, costs[j] = costs[j], min(costs[j] + 1, costs[j - 1] + 1, diagonal + (word != other))
    return min(range(len(costs)), key=lambda j: (costs[j], abs(j - len(stable))))
