"""Pieces of a result as they travel: the data of a `Partial` message."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import Segment
    from .live.listener import Began, Echo, Ended, Nothing, Unstable


def of_segment(number: int, segment: Segment) -> dict[str, Any]:
    """The data of one segment; times to the millisecond."""
    data: dict[str, Any] = {
        "kind": "segment",
        "id": number,
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
    }
    if segment.speaker:
        data["speaker"] = segment.speaker
    if segment.words:
        data["words"] = [
            {"word": word.text, "start": round(word.start, 3), "end": round(word.end, 3)} for word in segment.words
        ]
    return data


def of_event(event: Unstable | Began | Ended | Nothing | Echo) -> dict[str, Any]:
    """The data of a live event that is not a segment."""
    data = asdict(event)
    if "start" in data:
        data["start"] = round(data["start"], 3)
    return {"kind": type(event).__name__.lower(), **data}
