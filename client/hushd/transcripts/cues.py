"""Segments cut into subtitles that can be read in time.

They are made of words and their times. Where an engine gives none, a segment's time is shared among its words by their
lengths.

Cues end and break where they read well: after sentences, after phrases, in balance, within the limits of the trade:
42 columns and two lines, or those of a `Layout`, and seven seconds. A character of Chinese, Japanese or Korean is two
columns wide. A word that is longer than a line has a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Protocol, TypeVar
from unicodedata import east_asian_width

from hushd_protocol.light_dataclass import dataclass, replace

from hushd.transcripts.segment import USUAL, Layout, between

if TYPE_CHECKING:
    from hushd.transcripts.segment import Segment

MAX_CUE_S = 7.0  # on the screen
MIN_READABLE_S = 1.0  # below which nobody can read it
WORD_PAUSE_S = 0.3  # between words: as good as a comma

_PHRASES = ".?!…,;:。？！、，"  # end them
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


def phrases(words: Sequence[T], label: int = 0, layout: Layout = USUAL) -> list[Sequence[T]]:
    """Divides `words` into subtitles that fit the layout and `MAX_CUE_S`, cut where it disturbs the least.

    The cheapest way through all cuts, where a cut costs little behind a sentence, more behind a phrase and most
    elsewhere, and so does a subtitle that is nearly empty.

    Args:
        label: columns taken by something else in the first line of each.
    """
    places = _Places([word.text for word in words], label, layout.columns)
    best = [0.0] + [float("inf")] * len(words)  # of the words up to here
    cut = [0] * (len(words) + 1)
    for end in range(1, len(words) + 1):
        price = 2.0 if end == len(words) else 2.0 + _cut_cost(words[end - 1], words[end])
        for start in range(end - 1, -1, -1):
            seconds = words[end - 1].end - words[start].start
            if end - start > 1 and (seconds > MAX_CUE_S or places.breaks(start, end, layout.lines) is None):
                break
            columns = places.width(start, end)
            cost = best[start] + price + (1 - columns / (layout.lines * layout.columns)) ** 2
            if (seconds < MIN_READABLE_S or columns < layout.columns / 2) and end - start < len(words):
                cost += 2.0
            if cost < best[end]:
                best[end], cut[end] = cost, start
    parts: list[Sequence[T]] = []
    end = len(words)
    while end:
        parts.append(words[cut[end] : end])
        end = cut[end]
    return parts[::-1]


def lines(texts: Sequence[str], label: int = 0, layout: Layout = USUAL) -> list[str]:
    """Divides the words of a subtitle, each with the space before it, into lines."""
    places = _Places(texts, label, layout.columns).breaks(0, len(texts), layout.lines) or []
    parts = (texts[start:end] for start, end in pairwise([0, *places, len(texts)]))
    return [line for part in parts if (line := "".join(part).strip())]


class _Places:
    """Widths of all stretches of some words, and their breaks into lines of at most `columns`."""

    def __init__(self, texts: Sequence[str], label: int, columns: int) -> None:
        self._texts = texts
        self._columns = columns
        self._first = max(1, columns - label)
        self._sums = [0, *accumulate(map(_columns, texts))]

    def width(self, start: int, end: int) -> int:
        """Returns the columns of the words from `start` to `end` in one line."""
        text = self._texts[start]
        return self._sums[end] - self._sums[start] - (len(text) - len(text.lstrip()))

    def breaks(self, start: int, end: int, lines: int, first: int = 0) -> list[int] | None:
        """Returns the words that begin the second line and further ones; None: they do not fit.

        Two lines are balanced; before them further ones are full. `first`: the columns of the first one.
        """
        first = first or self._first
        if end - start == 1 or self.width(start, end) <= first:
            return []
        if lines == 1:
            return None
        costs = [
            (abs(upper - lower) - (self._columns / 3 if _ends(self._texts[middle - 1], _PHRASES) else 0), middle)
            for middle in range(start + 1, end)
            if (upper := self.width(start, middle)) <= first or middle == start + 1
            if (lower := self.width(middle, end)) <= self._columns or middle == end - 1
        ]
        if costs or lines == 2:
            return [min(costs)[1]] if costs else None
        full = max(n for n in range(start + 1, end) if self.width(start, n) <= first or n == start + 1)
        rest = self.breaks(full, end, lines - 1, self._columns)
        return None if rest is None else [full, *rest]


def _cut_cost(before: Timed, after: Timed) -> float:
    """Returns the cost of ending a subtitle between two words."""
    if _ends(before.text, ".?!…。？！") and before.text.strip().lower() not in _TITLES:
        return 0.0
    if _ends(before.text, ",;:–—、，；：") or after.start - before.end >= WORD_PAUSE_S:
        return 1.0
    return 4.0


def _ends(text: str, marks: str) -> bool:
    return text.rstrip().rstrip(_CLOSING).endswith(tuple(marks))


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


MIN_CUE_S = 0.8  # for which a cue stays, if the next one begins no earlier
_FRAME_S = 0.04  # of a picture: for which every cue stays

# Scripts that put no space between words: a character is a word there.
_JOINED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f"
_SMALL = "ぁぃぅぇぉっゃゅょァィゥェォッャュョー"  # kana that belong to the one before
_OPENING = "「『（〈《【〔［｛“"  # marks that begin a line and end none
_WORD = re.compile(
    rf"\s*[{_OPENING}]*(?:[{_JOINED}][{_SMALL}]*(?:(?![{_OPENING}])[^\w\s])*|[^\s{_JOINED}{_OPENING}]+)|\s*[{_OPENING}]+"
)
_JOINS = re.compile(rf"\s*[{_JOINED}]")


@dataclass(frozen=True, slots=True)
class Token:
    """A word with the space before it."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Cue:
    """A subtitle: `text`, of one or more lines, is shown from `start` to `end` (seconds)."""

    start: float
    end: float
    text: str
    speaker: str = ""


def readable(segments: Iterable[Segment], label: int = 0, layout: Layout = USUAL) -> Iterator[Cue]:
    """Yields cues that fit the layout and seven seconds, cut where a sentence or a phrase ends.
    `label`: columns that the name of a speaker takes in the first line."""
    for segment in segments:
        room = len(segment.mark) + (label + len(segment.speaker) if segment.speaker else 0)
        for phrase in phrases(tokens(segment), room, layout):
            text = segment.mark + "\n".join(lines([token.text for token in phrase], room, layout))
            yield Cue(phrase[0].start, phrase[-1].end, text, segment.speaker)


def shown(cues: Iterable[Cue]) -> Iterator[Cue]:
    """Yields cues one after the other: each stays for `MIN_CUE_S`, or until the next one begins.

    Where two overlap, since two people speak or an engine says so, the second begins later.
    """
    held: Cue | None = None  # a short one, whose end depends on the next one
    until = 0.0
    for cue in cues:
        if held:
            until = max(held.start + _FRAME_S, min(held.start + MIN_CUE_S, cue.start))
            yield replace(held, end=until)
            held = None
        cue = replace(cue, start=max(cue.start, until))
        if cue.end - cue.start >= MIN_CUE_S:
            yield cue
            until = cue.end
        else:
            held = cue
    if held:
        yield replace(held, end=held.start + MIN_CUE_S)


def tokens(segment: Segment) -> list[Token]:
    """Returns the words of a segment, with the engine's times or with estimated ones."""
    words = [word.word for word in segment.words]
    if not words:
        return _estimated(segment)
    if not any(word[:1].isspace() for word in words):  # not as whisper has them: the text tells what is apart
        words = _spaced(words, segment.text)
    return [Token(text, word.start, word.end) for text, word in zip(words, segment.words, strict=True)]


def _spaced(words: list[str], text: str) -> list[str]:
    """Returns `words` with the space that `text` has before each; the first one as if a word came before it."""
    spaced, position = [], 0
    for number, word in enumerate(words):
        start = text.find(word, position)
        if start < 0:  # the text has it otherwise
            apart = number == 0 or between(words[number - 1], word) == " "
        else:
            apart = number == 0 or text[position:start].isspace()
        spaced.append(f" {word}" if apart and not (number == 0 and _JOINS.match(word)) else word)
        position = max(position, start + len(word))
    return spaced


def _estimated(segment: Segment) -> list[Token]:
    text = segment.text.strip()
    texts = _WORD.findall(text if _JOINS.match(text) else f" {text}")
    total = sum(map(len, texts))
    tokens, done = [], 0
    for text in texts:
        start, end = (segment.start + (segment.end - segment.start) * n / total for n in (done, done + len(text)))
        tokens.append(Token(text, start, end))
        done += len(text)
    return tokens
