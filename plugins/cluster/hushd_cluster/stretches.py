"""A long recording on many nodes: it is cut into stretches, which are transcribed side by side and joined. Pure.

Nobody knows of a pause where a stretch begins. So each goes on beyond its end, and two are joined where both begin a
segment at the same time: from there on they have heard the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript

LONG = 3  # stretches, from which on a recording is cut
OVERLAP_S = 60.0  # beyond the end of a stretch
SAME_S = 0.05  # between the begins of one segment in two stretches, at most
GRID_S = 0.8  # on which stretches begin: 25 frames of the detector of speech, whose frames are then those of the whole
TORN_S = 1.0  # before the end of the audio read, where a segment may lack its end


class Long(Exception):
    """A recording of `total_s` seconds, in the language found at its begin, is to be cut."""

    def __init__(self, total_s: float, language: str) -> None:
        super().__init__(total_s, language)
        self.total_s = total_s
        self.language = language


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a recording, from a second to another: the stretch `number`, from 0, of `count`."""

    number: int
    count: int
    start: float
    end: float

    @property
    def clips(self) -> list[float]:
        """The seconds to transcribe, as the option `clips`."""
        return [self.start] if self.number + 1 == self.count else [self.start, self.end + OVERLAP_S]

    @property
    def mark(self) -> str:
        """The end of the names of files that belong to it."""
        return f".{self.number:04}-{self.count:04}"


def cut(total_s: float, stretch_s: float) -> tuple[Stretch, ...]:
    """Returns the stretches of a recording, of some `stretch_s` seconds each; none if it is not long."""
    if stretch_s <= 0 or not total_s >= LONG * stretch_s:
        return ()
    count = round(total_s / stretch_s)
    bounds = [round(total_s * number / count / GRID_S) * GRID_S for number in range(count)] + [total_s]
    return tuple(Stretch(number, count, bounds[number], bounds[number + 1]) for number in range(count))


def join(stretches: Sequence[Stretch], parts: Sequence[Sequence[Segment]]) -> tuple[Segment, ...]:
    """Returns the segments of a recording from those of its stretches, numbered anew."""
    whole: list[Segment] = []
    for stretch, part in zip(stretches, parts, strict=True):
        segments = _untorn(part, stretch)
        whole = joined_at(whole, segments, stretch.start) if stretch.number else segments
    return tuple(replace(segment, id=number) for number, segment in enumerate(whole))


def joined(stretches: Sequence[Stretch], parts: Sequence[Transcript]) -> Transcript:
    """Returns the transcript of a recording from those of its stretches, with the warnings of all."""
    first = parts[0]
    return Transcript(
        join(stretches, [part.segments for part in parts]),
        first.language,
        stretches[-1].end,
        warnings=tuple(dict.fromkeys(warning for part in parts for warning in part.warnings)),
        unlikely=tuple(sorted({each for part in parts for each in part.unlikely})),
        language_probability=first.language_probability,
    )


def joined_at(before: Sequence[Segment], after: Sequence[Segment], at: float) -> list[Segment]:
    """Returns the segments of two stretches, of which the second begins at the second `at`, maybe within a word.

    They are joined at the first begin of a segment that both have; else in the first pause that both have; else behind
    the last segment of the first.
    """
    for later, segment in enumerate(after):
        for earlier, other in enumerate(before):
            if other.start >= at and abs(other.start - segment.start) <= SAME_S:
                return [*_until(before[:earlier], segment.start), *after[later:]]
    for pause in _pauses(before, at):
        for moment in _moments(after, *pause):
            return [*(each for each in before if each.end <= moment), *(each for each in after if each.start >= moment)]
    last = before[-1].end if before else at
    return [*before, *(each for each in after if (each.start + each.end) / 2 > last)]


def _until(segments: Sequence[Segment], end: float) -> list[Segment]:
    """Returns segments of which none goes on beyond `end`."""
    return [replace(segment, end=min(segment.end, end)) for segment in segments]


def _untorn(segments: Sequence[Segment], stretch: Stretch) -> list[Segment]:
    """Returns the segments of a stretch without a last one that ends where reading has ended."""
    is_torn = len(stretch.clips) > 1 and bool(segments) and segments[-1].end > stretch.clips[1] - TORN_S
    return list(segments[:-1] if is_torn else segments)


def _pauses(segments: Sequence[Segment], at: float) -> Iterator[tuple[float, float]]:
    """Yields begin and end of each pause from the second `at` on; the last one has no end."""
    begin = 0.0
    for segment in segments:
        if segment.start >= max(at, begin):
            yield max(at, begin), segment.start
        begin = max(begin, segment.end)
    yield max(at, begin), math.inf


def _moments(segments: Sequence[Segment], begin: float, end: float) -> Iterator[float]:
    """Yields the moments of a pause, its begin and the ends of segments in it, in which no segment goes on."""
    for moment in (begin, *sorted(segment.end for segment in segments if begin < segment.end <= end)):
        if not any(segment.start < moment < segment.end for segment in segments):
            yield moment
