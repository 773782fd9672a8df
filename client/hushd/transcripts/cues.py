"""Segments cut into subtitles that can be read in time.

They are made of words and their times. Where an engine gives none, a segment's time is shared among its words by their
lengths.

Cues end and break where they read well: after sentences, after phrases, not within a name, in balance, within the
limits of the trade: 42 columns and two lines, or those of a `Layout`, and seven seconds. A character of Chinese,
Japanese or Korean is two columns wide. A word that is longer than a line has a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, Protocol, TypeVar
from unicodedata import east_asian_width

from hushd_models.languages import UNSPACED

from hushd.transcripts.segment import USUAL, Layout, between

if TYPE_CHECKING:
    from hushd.transcripts.segment import Segment

MAX_CUE_S = 7.0  # seconds on the screen
MIN_READABLE_S = 1.0  # seconds below which nobody can read it
WORD_PAUSE_S = 0.3  # seconds between words: as good as a comma

_CLOSING = "\"'”’»)]』」）"
_SENTENCE, _PHRASE, _BOUND, _ELSEWHERE = 0.0, 1.0, 8.0, 4.0  # the cost of a cut behind a word


class Timed(Protocol):
    """A word with the space before it."""

    @property
    def text(self) -> str: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...


T = TypeVar("T", bound=Timed)


def phrases(words: Sequence[T], label: int = 0, layout: Layout = USUAL, language: str = "") -> list[Sequence[T]]:
    """Divides `words` into subtitles that fit the layout and `MAX_CUE_S`, cut where it disturbs the least.

    The cheapest way through all cuts, where a cut costs little behind a sentence, more behind a phrase, much elsewhere
    and most within a name, as behind a title, and so does a subtitle that is nearly empty.

    Args:
        label: columns taken by something else in the first line of each.
        language: whose abbreviations end no sentence; empty for English.
    """
    places = _Places([word.text for word in words], label, layout.columns, language)
    best = [0.0] + [float("inf")] * len(words)  # least cost of the words up to here
    cut = [0] * (len(words) + 1)
    for end in range(1, len(words) + 1):
        price = 2.0 + (0.0 if end == len(words) else places.cost(end, words[end].start - words[end - 1].end))
        for start in range(end - 1, -1, -1):
            seconds = words[end - 1].end - words[start].start
            ends = places.breaks(start, end, layout.lines)
            if end - start > 1 and (seconds > MAX_CUE_S or ends is None):
                break
            columns = places.width(start, end)
            cost = best[start] + price + (1 - columns / (layout.lines * layout.columns)) ** 2
            if (seconds < MIN_READABLE_S or columns < layout.columns / 2) and end - start < len(words):
                cost += 2.0
            if any(places.cost(middle) == _BOUND for middle in ends or ()):
                cost += 3.0
            if cost < best[end]:
                best[end], cut[end] = cost, start
    parts: list[Sequence[T]] = []
    end = len(words)
    while end:
        parts.append(words[cut[end] : end])
        end = cut[end]
    return parts[::-1]


def lines(texts: Sequence[str], label: int = 0, layout: Layout = USUAL, language: str = "") -> list[str]:
    """Divides the words of a subtitle, each with the space before it, into lines."""
    places = _Places(texts, label, layout.columns, language).breaks(0, len(texts), layout.lines) or []
    parts = (texts[start:end] for start, end in pairwise([0, *places, len(texts)]))
    return [line for part in parts if (line := "".join(part).strip())]


class _Places:
    """Widths of all stretches of some words, and their breaks into lines of at most `columns`."""

    def __init__(self, texts: Sequence[str], label: int, columns: int, language: str) -> None:
        self._texts = texts
        self._language = language
        self._costs: dict[int, float] = {}  # costs of cuts, by the word behind them
        self._columns = columns
        self._first = max(1, columns - label)
        self._sums = [0, *accumulate(map(_columns, texts))]

    def width(self, start: int, end: int) -> int:
        """Returns the columns of the words from `start` to `end` in one line."""
        text = self._texts[start]
        return self._sums[end] - self._sums[start] - (len(text) - len(text.lstrip()))

    def cost(self, middle: int, pause_s: float = 0.0) -> float:
        """Returns the cost of ending a subtitle before a word."""
        if middle not in self._costs:
            self._costs[middle] = self._cost(middle)
        cost = self._costs[middle]
        return min(cost, _PHRASE) if pause_s >= WORD_PAUSE_S else cost

    def _cost(self, middle: int) -> float:
        before = self._texts[middle - 1].rstrip().rstrip(_CLOSING)
        if before.endswith(tuple(",;:–—、，；：")):
            return _PHRASE
        if not before.endswith(tuple(".?!…。？！")):
            return _ELSEWHERE
        if before.endswith("..") or not before.endswith("."):
            return _SENTENCE
        from hushd_reading.sentences import ends_sentence  # noqa: PLC0415 - a room that subtitles alone need

        after = "".join(self._texts[middle : middle + 4])
        if ends_sentence("".join(self._texts[max(0, middle - 5) : middle - 1]) + before, after, self._language or "en"):
            return _SENTENCE
        return _ELSEWHERE if after.lstrip()[:1].islower() else _BOUND

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
            (abs(upper - lower) + self._columns * _BREAKS[self.cost(middle)], middle)
            for middle in range(start + 1, end)
            if (upper := self.width(start, middle)) <= first or middle == start + 1
            if (lower := self.width(middle, end)) <= self._columns or middle == end - 1
        ]
        if costs or lines == 2:
            return [min(costs)[1]] if costs else None
        full = max(n for n in range(start + 1, end) if self.width(start, n) <= first or n == start + 1)
        rest = self.breaks(full, end, lines - 1, self._columns)
        return None if rest is None else [full, *rest]


_BREAKS = {_SENTENCE: -1 / 3, _PHRASE: -1 / 3, _ELSEWHERE: 0.0, _BOUND: 2.0}  # the cost of a line's end, in lines


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


MIN_CUE_S = 0.8  # seconds for which every cue stays

_SMALL = "ぁぃぅぇぉっゃゅょァィゥェォッャュョー"  # kana that belong to the one before
_OPENING = "「『（〈《【〔［｛“"  # marks that begin a line and end none
_WORD = re.compile(
    rf"\s*[{_OPENING}]*(?:[{UNSPACED}][{_SMALL}]*(?:(?![{_OPENING}])[^\w\s])*|[^\s{UNSPACED}{_OPENING}]+)|\s*[{_OPENING}]+"
)
_RUN = re.compile(rf"([{UNSPACED}]+)[^\w\s{_OPENING}]*")  # with the signs that follow: none begins a line
_SYLLABLES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")  # of several characters each
_JOINS = re.compile(rf"\s*[{UNSPACED}]")


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


def readable(
    segments: Iterable[Segment], label: int = 0, layout: Layout = USUAL, language: Callable[[], str] = str
) -> Iterator[Cue]:
    """Yields cues that fit the layout and seven seconds, cut where a sentence or a phrase ends, in the order in which
    they begin: those of several speakers may be seen at once.

    Args:
        label: columns that the name of a speaker takes in the first line.
        language: returns that of the segments so far, as far as it is known.
    """
    waiting: list[tuple[float, int, Cue]] = []  # cues of a speaker, beside whom another one may begin
    begun: dict[str, float] = {}
    count = 0
    for group in _groups(segments):
        while waiting and waiting[0][0] <= group[0].start:
            yield heappop(waiting)[2]
        first = group[0]
        room = len(first.mark) + (label + len(first.speaker) if first.speaker else 0)
        words = [token for segment in group for token in _whole(tokens(segment), layout)]
        for phrase in phrases(words, room, layout, language()):
            text = first.mark + "\n".join(lines([token.text for token in phrase], room, layout, language()))
            # A single word may last longer by its engine's times.
            cue = Cue(phrase[0].start, min(phrase[-1].end, phrase[0].start + MAX_CUE_S), text, first.speaker)
            if first.speaker:
                at = begun[cue.speaker] = max(cue.start, begun.get(cue.speaker, 0.0))
                heappush(waiting, (at, count := count + 1, cue))
            else:
                yield cue
    while waiting:
        yield heappop(waiting)[2]


def _groups(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    """Yields segments, those that are too short to be read with those that follow at once."""
    group: list[Segment] = []
    for segment in segments:
        if group:
            first, last = group[0], group[-1]
            alike = (first.speaker, first.unlikely) == (segment.speaker, segment.unlikely)
            if not (alike and segment.start - first.start < MIN_CUE_S and last.end <= segment.start):
                yield group
                group = []
        group.append(segment)
        if segment.end - group[0].start >= MIN_CUE_S:
            yield group
            group = []
    if group:
        yield group


def shown(cues: Iterable[Cue]) -> Iterator[Cue]:
    """Yields cues each of which stays for `MIN_CUE_S` at least, in the order in which they begin.

    Those of a speaker come one after the other: where two overlap, since an engine says so or one is too short, the
    second begins later. Two speakers at once are seen at once.
    """
    waiting: list[tuple[float, int, Cue]] = []  # cues that begin later than they are spoken
    until: dict[str, float] = {}
    for number, cue in enumerate(cues):
        while waiting and waiting[0][0] <= cue.start:
            yield heappop(waiting)[2]
        start = max(cue.start, until.get(cue.speaker, 0.0))
        end = until[cue.speaker] = max(cue.end, start + MIN_CUE_S)
        heappush(waiting, (start, number, replace(cue, start=start, end=end)))
        if start <= cue.start:
            yield heappop(waiting)[2]
    while waiting:
        yield heappop(waiting)[2]


def tokens(segment: Segment) -> list[Token]:
    """Returns the words of a segment, with the engine's times or with estimated ones."""
    words = [word.word for word in segment.words]
    if not words:
        return _estimated(segment)
    if not any(word[:1].isspace() for word in words):  # not as whisper has them: the text tells what is apart
        words = _spaced(words, segment.text)
    return [Token(text, word.start, word.end) for text, word in zip(words, segment.words, strict=True)]


def _whole(tokens: list[Token], layout: Layout) -> list[Token]:
    """Returns tokens of scripts without spaces joined to the words that they are part of. One that is wider than a line
    is divided into such words first: a voice times what it speaks between two spaces, which may be a sentence."""
    text = "".join(token.text for token in tokens)
    if not _RUN.search(text):
        return tokens
    ends, words, at = _word_ends(text, layout.lines * layout.columns), list[Token](), 0
    parts = (
        _divided(token.text, token.start, token.end) if _columns(token.text) > layout.columns else [token]
        for token in tokens
    )
    for token in chain.from_iterable(parts):
        if words and at not in ends:
            words[-1] = replace(words[-1], text=words[-1].text + token.text, end=token.end)
        else:
            words.append(token)
        at += len(token.text)
    return words


def _word_ends(text: str, room: int) -> Container[int]:
    """Returns the places in `text` at which a word may end, by ICU. Without it no run of letters is divided, unless it
    is Chinese or Japanese, whose syllables are characters, and takes more than `room` columns."""
    try:
        from icu4py.breakers import WordBreaker  # an optional package
    except ImportError:
        runs = [run for run in _RUN.finditer(text) if _columns(run[1]) <= room or _SYLLABLES.search(run[1])]
        return {*range(len(text))}.difference(*(range(run.start() + 1, run.end()) for run in runs))
    return {*accumulate(map(len, WordBreaker(text, "en")))}


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
    return _divided(text if _JOINS.match(text) else f" {text}", segment.start, segment.end)


def _divided(text: str, start: float, end: float) -> list[Token]:
    """Returns the words of a text, and the single characters of scripts without spaces, with times by their lengths."""
    texts = _WORD.findall(text)
    places = list(accumulate(map(len, texts), initial=0))
    times = [*(start + (end - start) * place / places[-1] for place in places[:-1]), end]
    return [Token(text, *when) for text, when in zip(texts, pairwise(times), strict=True)]
