"""Segments that are kept while a recording is transcribed, so that an interrupted transcription goes on behind them."""

from __future__ import annotations

from hushd_schema.results import SegmentData, WordData

from .segment import Segment


def data_of(segment: Segment, rest_s: float | None = None, language: str = "") -> SegmentData:
    """Returns a segment without its speaker: transcriptions with speakers are not resumed."""
    words = tuple(
        WordData(word=word.word, start=word.start, end=word.end, probability=word.probability) for word in segment.words
    )
    return SegmentData(
        kind="segment",
        id=segment.id,
        start=segment.start,
        end=segment.end,
        text=segment.text,
        words=words,
        rest=rest_s,
        language=language,
        unlikely=segment.unlikely,
    )


def drop_repeated(segments: list[Segment], rest_s: float) -> None:
    """Removes the last segments, as far as a request for the recording from `rest_s` on returns them again."""
    while segments and segments[-1].start >= rest_s and segments[-1].end > rest_s:
        segments.pop()
