"""A transcript as a notebook shows it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from hushd.display import clock

if TYPE_CHECKING:
    from .segment import Segment
    from .transcript import Transcript

MOST = 200  # segments
_CELL = '<td style="text-align: left; vertical-align: top">'


def table(transcript: Transcript) -> str:
    """Returns HTML with a row for each segment: its start, who speaks, and what is said."""
    segments = transcript.segments
    rows = "".join(_row(segment, transcript.diarized) for segment in segments[:MOST])
    more = len(segments) - MOST
    notes = [warning.message for warning in transcript.warnings]
    notes += [f"{more} more segments are not shown."] if more > 0 else []
    length = clock(transcript.duration)
    caption = f"{transcript.language}, {length}" if transcript.language else length
    return f"<table><caption>{escape(caption)}</caption>{rows}</table>" + "".join(
        f"<p>{escape(note)}</p>" for note in notes
    )


def _row(segment: Segment, diarized: bool) -> str:
    cells = [clock(segment.start), *([segment.speaker] if diarized else []), segment.text]
    return "<tr>" + "".join(f"{_CELL}{escape(cell)}</td>" for cell in cells) + "</tr>"
