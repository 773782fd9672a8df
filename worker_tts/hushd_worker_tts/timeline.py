"""Computes word times: when each word of a piece is heard, and which part of the request's text it stands for."""

from __future__ import annotations

import re
from bisect import bisect_right

from hushd_schema.results import SentenceData, SpokenData

from .engine import AudioChunk
from .reading.source_map import MappedText

_WORD = re.compile(r"(?<!\S)[^\s\w]*+\w\S*")
# If time is divided by letters, the end of a clause counts as some letters more.
_CLAUSE_END = re.compile(r"(?<!\W)[^\w,;:.!?…—]*+[,;:.!?…—]\W*+$")
_CLAUSE_WEIGHT = 4


def sentence(text: MappedText, chunk: AudioChunk, begins: float) -> SentenceData:
    """Returns the partial result for a piece whose audio begins at second `begins` of the job's audio.

    Words for the same place of the request, such as the words of an address, are one word.
    """
    from .audio_out import sounding

    first, last = sounding(chunk)
    spans: list[tuple[int, int]] = []
    places: list[int] = []
    for match in _WORD.finditer(text.text):
        span = text.span(*match.span())
        if not spans or span[0] >= spans[-1][1]:
            spans.append(span)
            places.append(match.start())
        else:
            spans[-1] = (spans[-1][0], max(span[1], spans[-1][1]))
    starts = _times(text.text, places, chunk.marks, first, last)
    words = tuple(
        SpokenData(start=round(begins + start, 3), end=round(begins + end, 3), text_start=span[0], text_end=span[1])
        for span, start, end in zip(spans, starts, [*starts[1:], last], strict=True)
    )
    text_start, text_end = text.span()
    return SentenceData(
        kind="sentence",
        start=round(begins, 3),
        end=round(begins + len(chunk.samples) / chunk.rate, 3),
        text_start=text_start,
        text_end=text_end,
        words=words,
        estimated=not chunk.marks,
    )


def _times(
    text: str, places: list[int], marks: tuple[tuple[int, float], ...], first: float, last: float
) -> list[float]:
    """Returns the starts of the words at `places`: as marked, or else divided between the marks by the words'
    lengths."""
    known = [(0, first), *((place, min(max(at, first), last)) for place, at in marks if place > 0), (len(text), last)]
    weights = [0.0]
    for word in re.findall(r"\s*\S+|\s+", text):
        weights += [weights[-1] + index for index in range(1, len(word) + 1)]
        if _CLAUSE_END.search(word):
            weights[-1] += _CLAUSE_WEIGHT
    marked = [place for place, _ in known]
    starts: list[float] = []
    for place in places:
        index = min(bisect_right(marked, place) - 1, len(known) - 2)
        (before, start), (after, end) = known[index], known[index + 1]
        whole = weights[after] - weights[before]
        share = (weights[place] - weights[before]) / whole if whole else 0.0
        starts.append(max(start + (end - start) * share, starts[-1] if starts else first))
    return starts
