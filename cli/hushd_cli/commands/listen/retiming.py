"""Gives the cues of subtitles the times at which they are heard. Pure.

A cue's words are matched with those heard. Where some of them were heard as they are written it is known when the cue
is spoken. Any other is expected as far from the one before it, or from the one behind it, as in the file: there it was
said if what was heard there is like it. A cue that nobody says keeps its distance to its neighbours.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from statistics import median
from typing import NamedTuple

from hushd.transcripts.formats import timestamp
from hushd.transcripts.segment import Segment, Word
from hushd_reading.subtitles import Cue, SubtitleFile, seconds_of

from .alignment import Alignment, Placed, matches

_LEAST_HEARD = 0.5  # share of a cue's letters
_NEAR_S = 1.0  # seconds from a cue's expected place, within which words heard for its own are not an accident
_MARGIN_S = 0.5  # around a cue that was misheard
_PACES = 0.5, 2.0  # paces of a recording beside its subtitles; a film at another rate has 0.96 or 1.04

_INNER_TIME = re.compile(r"(?<=<)(?:\d+:)?\d\d:\d\d\.\d{3}(?=>)")  # a time of WebVTT before a word

_Times = tuple[float, float]


class Retimed(NamedTuple):
    """A segment for each cue, in the order of the file, and the numbers of the cues that nobody says."""

    segments: tuple[Segment, ...]
    unsaid: tuple[int, ...]


def script(cues: Sequence[Cue]) -> tuple[str, list[int], list[int]]:
    """Returns the words of cues as one text, in the order of their times; that order; and where each begins."""
    order, text, begins = sorted(range(len(cues)), key=lambda n: cues[n].start), "", list[int]()
    for n in order:
        begins.append(len(text))
        text += cues[n].spoken + "\n"
    return text, order, begins


def retimed(cues: Sequence[Cue], alignment: Alignment) -> Retimed:
    """Returns the cues with the times of the words of their `script`, which were aligned with a recording."""
    _, order, begins = script(cues)
    firsts = [word.first for word in alignment.words]
    bounds = pairwise([*(bisect_left(firsts, place) for place in begins), len(firsts)])
    words = {
        n: [word._replace(first=word.first - begin, last=word.last - begin) for word in alignment.words[start:end]]
        for n, begin, (start, end) in zip(order, begins, bounds, strict=True)
    }
    heard = {n: times for n in order if (times := _heard(words[n], cues[n].end - cues[n].start))}
    known = {n: times for n, times in heard.items() if any(word.sure for word in words[n])}
    clock, sound = _Clock(cues, known), _Sound(alignment)
    for n in order:
        for start in clock.expected(cues[n].start) if n not in known else ():
            end = start + (cues[n].end - cues[n].start) * clock.pace
            if n in heard and abs(heard[n][0] - start) <= _NEAR_S and sound.between(*heard[n]):
                known[n] = heard[n]
            elif sound.is_like(words[n], start, end):
                known[n] = start, end
    timed = [n for n in order if n in known]
    for n, following in pairwise([*timed, -1]):
        start, end = known[n]
        end = max(end, start + (cues[n].end - cues[n].start) * clock.pace)
        if following >= 0 and cues[n].end <= cues[following].start:  # the cue ends before that one begins, as it did
            end = max(start, min(end, known[following][0]))
        known[n] = start, end
    clock = _Clock(cues, {n: known[n] for n in timed})
    segments = []
    for n, cue in enumerate(cues):
        start, end = known.get(n) or (clock(cue.start), max(clock(cue.start), clock(cue.end)))
        spoken = tuple(_words(cue.spoken, words[n]))
        segments.append(Segment(n, round(start, 3), round(end, 3), cue.spoken, spoken, cue.speaker))
    return Retimed(tuple(segments), tuple(n for n, cue in enumerate(cues) if cue.spoken and n not in known))


def _heard(words: Sequence[Placed], usual_s: float) -> _Times | None:
    """Returns the seconds in which a cue is spoken; None where less than half of its letters are. One that takes far
    longer than it should has words amid speech that the file has not: only those that are sure count."""
    sums = list(accumulate((len(word.letters) for word in words), initial=0))
    timed = [(n, word.times) for n, word in enumerate(words) if word.times]
    letters = sum(sums[n + 1] - sums[n] for n, _ in timed)
    if not letters or letters < _LEAST_HEARD * sums[-1]:
        return None
    if timed[-1][1][1] - timed[0][1][0] > _PACES[1] * usual_s + _NEAR_S:
        timed = [each for each in timed if words[each[0]].sure]
        letters = sum(sums[n + 1] - sums[n] for n, _ in timed)
    if not letters:
        return None
    (first, (start, _)), (last, (_, end)) = timed[0], timed[-1]
    letter_s = (end - start) / letters
    return max(0.0, start - letter_s * sums[first]), end + letter_s * (sums[-1] - sums[last + 1])


class _Sound:
    """The letters of a recording, by their seconds."""

    def __init__(self, alignment: Alignment) -> None:
        self._letters = [sounding.letters for sounding, _ in alignment.heard]
        self._starts, self._ends = ([times[side] for _, times in alignment.heard] for side in (0, 1))

    def between(self, start: float, end: float) -> str:
        """Returns the letters of the words that sound between two times."""
        return "".join(self._letters[bisect_right(self._ends, start) : bisect_left(self._starts, end)])

    def is_like(self, words: Sequence[Placed], start: float, end: float) -> bool:
        """Returns whether most letters of some words were heard between two times."""
        letters = "".join(word.letters for word in words)
        alike = sum(block[2] for block in matches(letters, self.between(start - _MARGIN_S, end + _MARGIN_S)))
        return alike > 0 and alike >= _LEAST_HEARD * len(letters)


def _words(text: str, spoken: Sequence[Placed]) -> Iterator[Word]:
    """Yields the words of a cue that are spoken, as they are written."""
    for token in re.finditer(r"\S+", text):
        parts = [each.times for each in spoken if each.times and each.first < token.end() and each.last > token.start()]
        if parts:
            yield Word(f" {token[0]}", round(parts[0][0], 3), round(parts[-1][1], 3))


class _Clock:
    """Tells when in the recording a time of the file is, by cues of which both are known, in their order.
    `pace`: the seconds that pass in the recording while one does in the file."""

    def __init__(self, cues: Sequence[Cue], known: dict[int, _Times]) -> None:
        self._known = [(cues[n], *times) for n, times in known.items()]
        starts = pairwise((cue.start, start) for cue, start, _ in self._known)
        paces = [(after - before) / (last - first) for (first, before), (last, after) in starts if last > first]
        self.pace = min(max(median(paces), _PACES[0]), _PACES[1]) if paces else 1.0

    def expected(self, time: float) -> Iterator[float]:
        """Yields when it is, as far from the cue before it as in the file, and from the cue behind it."""
        at = bisect_right(self._known, time, key=lambda each: each[0].start)
        for cue, start, _ in self._known[max(0, at - 1) : at + 1]:
            yield max(0.0, start + (time - cue.start) * self.pace)

    def __call__(self, time: float) -> float:
        """Returns when it is, in its share of the time between those cues."""
        at = bisect_right(self._known, time, key=lambda each: each[0].start)
        if not 0 < at < len(self._known) or time <= self._known[at - 1][0].end:
            return next(self.expected(time), time)
        (cue, _, end), (after, following, _) = self._known[at - 1 : at + 1]
        return end + max(0.0, following - end) * (time - cue.end) / (after.start - cue.end)


def rewritten(file: SubtitleFile, segments: Sequence[Segment]) -> Iterator[str]:
    """Yields the file with the times of segments, one for each cue, those within a cue moved as far, and all else to
    the letter."""
    at = 0
    for cue, segment in zip(file.cues, segments, strict=True):
        for (first, last), seconds in zip(cue.times, (segment.start, segment.end), strict=True):
            yield file.text[at:first] + _like(file.text[first:last], seconds)
            at = last
        for inner in _INNER_TIME.finditer(file.text, *cue.body):
            moved = segment.start + max(0.0, seconds_of(inner[0]) - cue.start)
            yield file.text[at : inner.start()] + _like(inner[0], min(moved, segment.end))
            at = inner.end()
    yield file.text[at:]


def _like(time: str, seconds: float) -> str:
    """Returns a time as another one is written: 00:01,500, 0:00:01.50."""
    mark = "." if "." in time else ","
    text = timestamp(seconds, hours=time.count(":") > 1, mark=mark)
    return text[1:-1] if len(time.rpartition(mark)[2]) == 2 else text
