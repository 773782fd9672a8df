"""Encodes pieces of a result as the data of `Partial` messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd_schema.results import LiveEvent, SegmentData, WordData

if TYPE_CHECKING:
    from .engine import Segment
    from .live.events import Began, Ended, Nothing, Revised, Speaker, Unstable


def of_segment(number: int, segment: Segment) -> SegmentData:
    """Returns the data of a segment; times are to the millisecond."""
    return SegmentData(
        kind="segment",
        id=number,
        start=round(segment.start, 3),
        end=round(segment.end, 3),
        text=segment.text,
        speaker=segment.speaker,
        words=tuple(
            WordData(
                word=word.text,
                start=round(word.start, 3),
                end=round(word.end, 3),
                probability=probability(word.probability),
            )
            for word in segment.words
        ),
    )


def probability(value: float | None) -> float | None:
    """Returns a probability with four decimals, at most 1, which sums of rounded numbers may exceed; None for NaN."""
    return None if value is None or value != value else round(min(1.0, max(0.0, value)), 4)


def of_event(event: Unstable | Began | Ended | Nothing | Speaker | Revised) -> LiveEvent:
    """Returns the data of a live event that is not a segment."""
    from .live.events import Began, Revised, Speaker, Unstable  # already loaded, since `event` is one of them

    kind = type(event).__name__.lower()
    match event:
        case Began():
            return {"kind": kind, "start": round(event.start, 3)}
        case Unstable():
            return {"kind": kind, "stable": event.stable, "text": event.text}
        case Speaker():
            return {"kind": kind, "start": round(event.start, 3), "speaker": event.speaker}
        case Revised():
            return {"kind": kind, "segments": list(event.segments), "speaker": event.speaker}
    return {"kind": kind}
