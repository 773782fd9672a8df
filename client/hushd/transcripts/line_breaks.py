"""Ends and line breaks of subtitles, so that they read well: after sentences, after phrases, in balance.

The limits are those of the trade: 42 columns, two lines, seven seconds. A character of Chinese, Japanese or Korean is
two columns wide. A word that is longer than a line has a line of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol, TypeVar
from unicodedata import east_asian_width

COLUMNS = 42  # in a line
MAX_CUE_S = 7.0  # on the screen
SHORTEST_S = 1.0  # below which nobody can read it
PAUSE_S = 0.3  # between words: as good as a comma

_CLOSING = "\"'”’»)]』」）"
_TITLES = {"mr.", "mrs.", "ms.", "dr.", "st.", "prof."}


class Timed(Protocol):
    """A word with the space before it."""

    @property
    def text(self) -> str: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...


T = TypeVar("T", bound=Timed)


def phrases(words: Sequence[T], label: int = 0) -> list[Sequence[T]]:
    """Divides `words` into subtitles of at most two lines and `MAX_CUE_S`, cut where it disturbs the least.

    The cheapest way through all cuts, where a cut costs little behind a sentence, more behind a phrase and most
    elsewhere, and so does a subtitle that is nearly empty.

    Args:
        label: columns taken by something else in the first line of each.
    """
    places = _Places([word.text for word in words], label)
    best = [0.0] + [float("inf")] * len(words)  # of the words up to here
    cut = [0] * (len(words) + 1)
    for end in range(1, len(words) + 1):
        price = 2.0 if end == len(words) else 2.0 + _cut_cost(words[end - 1], words[end])
        for start in range(end - 1, -1, -1):
            seconds = words[end - 1].end - words[start].start
            if end - start > 1 and (seconds > MAX_CUE_S or places.break_of(start, end) is None):
                break
            columns = places.width(start, end)
            cost = best[start] + price + (1 - columns / (2 * COLUMNS)) ** 2
            if (seconds < SHORTEST_S or columns < COLUMNS / 2) and end - start < len(words):
                cost += 2.0
            if cost < best[end]:
                best[end], cut[end] = cost, start
    parts: list[Sequence[T]] = []
    end = len(words)
    while end:
        parts.append(words[cut[end] : end])
        end = cut[end]
    return parts[::-1]


def lines(texts: Sequence[str], label: int = 0) -> list[str]:
    """Divides the words of a subtitle, each with the space before it, into one line or two."""
    middle = _Places(texts, label).break_of(0, len(texts)) or 0
    return [line for part in (texts[:middle], texts[middle:]) if (line := "".join(part).strip())]


class _Places:
    """Widths of all stretches of some words, and their breaks into two lines."""

    def __init__(self, texts: Sequence[str], label: int) -> None:
        self._texts = texts
        self._first = COLUMNS - label
        self._sums = [0, *accumulate(map(_columns, texts))]

    def width(self, start: int, end: int) -> int:
        """Returns the columns of the words from `start` to `end` in one line."""
        text = self._texts[start]
        return self._sums[end] - self._sums[start] - (len(text) - len(text.lstrip()))

    def break_of(self, start: int, end: int) -> int | None:
        """Returns the word that begins the second line, `start` for one line only; None: they do not fit."""
        if end - start == 1 or self.width(start, end) <= self._first:
            return start
        costs = [
            (abs(upper - lower) - (COLUMNS / 3 if _ends(self._texts[middle - 1], ".?!…,;:。？！、，") else 0), middle)
            for middle in range(start + 1, end)
            if (upper := self.width(start, middle)) <= self._first or middle == start + 1
            if (lower := self.width(middle, end)) <= COLUMNS or middle == end - 1
        ]
        return min(costs)[1] if costs else None


def _cut_cost(before: Timed, after: Timed) -> float:
    """Returns the cost of ending a subtitle between two words."""
    if _ends(before.text, ".?!…。？！") and before.text.strip().lower() not in _TITLES:
        return 0.0
    if _ends(before.text, ",;:–—、，；：") or after.start - before.end >= PAUSE_S:
        return 1.0
    return 4.0


def _ends(text: str, marks: str) -> bool:
    return text.rstrip().rstrip(_CLOSING).endswith(tuple(marks))


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
