"""A transcript as a notebook shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from hushd.reports.display import clock

from .segment import Segment

MAX_SEGMENTS = 200  # segments
_CELL = '<td style="text-align: left; vertical-align: top">'


def table(segments: Sequence[Segment], caption: str, notes: Iterable[str]) -> str:
    """Returns HTML with a row for each segment: its beginning, speaker and text; and `notes` below."""
    diarized = any(segment.speaker for segment in segments)
    rows = "".join(_row(segment, diarized) for segment in segments[:MAX_SEGMENTS])
    more = [f"{len(segments) - MAX_SEGMENTS} more segments are not shown."] if len(segments) > MAX_SEGMENTS else []
    below = "".join(f"<p>{escape(note)}</p>" for note in (*notes, *more))
    return f"<table><caption>{escape(caption)}</caption>{rows}</table>{below}"


def _row(segment: Segment, diarized: bool) -> str:
    cells = [clock(segment.start), *([segment.speaker] if diarized else []), segment.text]
    return "<tr>" + "".join(f"{_CELL}{escape(cell)}</td>" for cell in cells) + "</tr>"
