"""Transcripts as txt, srt, vtt, tsv and json, byte for byte as openai-whisper's command writes them.

Each format is a generator over segments, so that a subtitle is written as soon as its sentence is known; only json,
one document, waits for the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from hushd_protocol.errors import HushdError

if TYPE_CHECKING:
    from .results import Segment


class Segments(Protocol):
    """A transcript, whole or still being made; `language` counts once the segments have been read."""

    @property
    def language(self) -> str: ...

    def __iter__(self) -> Iterator[Segment]: ...


def timestamp(seconds: float, *, hours: bool, mark: str) -> str:
    """`HH:MM:SS.mmm`, rounded to the nearest millisecond; without `hours` these appear only once there are any.

    >>> timestamp(61.5, hours=False, mark=".")
    '01:01.500'
    """
    minutes, milliseconds = divmod(round(max(0.0, seconds) * 1000), 60_000)
    hour, minute = divmod(minutes, 60)
    lead = f"{hour:02d}:" if hours or hour else ""
    return f"{lead}{minute:02d}:{milliseconds // 1000:02d}{mark}{milliseconds % 1000:03d}"


def txt(segments: Segments) -> Iterator[str]:
    """A line a segment."""
    for segment in segments:
        yield f"{segment.text.strip()}\n"


def srt(segments: Segments) -> Iterator[str]:
    """SubRip: numbered, with hours and a decimal comma."""
    for number, segment in enumerate(segments, start=1):
        start, end = (timestamp(t, hours=True, mark=",") for t in (segment.start, segment.end))
        yield f"{number}\n{start} --> {end}\n{_cue(segment)}\n\n"


def vtt(segments: Segments) -> Iterator[str]:
    """WebVTT: hours only where there are any."""
    yield "WEBVTT\n\n"
    for segment in segments:
        start, end = (timestamp(t, hours=False, mark=".") for t in (segment.start, segment.end))
        yield f"{start} --> {end}\n{_cue(segment)}\n\n"


def tsv(segments: Segments) -> Iterator[str]:
    """Tab-separated: start and end in whole milliseconds, and the text with its tabs made spaces."""
    yield "start\tend\ttext\n"
    for segment in segments:
        text = segment.text.strip().replace("\t", " ")
        yield f"{round(1000 * segment.start)}\t{round(1000 * segment.end)}\t{text}\n"


def json_document(segments: Segments) -> Iterator[str]:
    """One object: `text`, `segments` (with `words` where they are known), `language`."""
    rows: list[dict[str, Any]] = []
    for segment in segments:
        row: dict[str, Any] = {
            "id": segment.id,
            "start": segment.start,
            "end": segment.end,
            "text": segment.text,
        }
        if segment.words:
            row["words"] = [{"word": w.word, "start": w.start, "end": w.end} for w in segment.words]
        rows.append(row)
    text = " ".join(row["text"].strip() for row in rows)
    yield json.dumps({"text": text, "segments": rows, "language": segments.language}) + "\n"


FORMATS: dict[str, Callable[[Segments], Iterator[str]]] = {
    "txt": txt,
    "srt": srt,
    "vtt": vtt,
    "tsv": tsv,
    "json": json_document,
}


def render(form: str, segments: Segments) -> Iterator[str]:
    """`segments` in the format `form`, piece by piece.

    Raises:
        HushdError: `bad_request` for a format that is not in `FORMATS`.
    """
    if form not in FORMATS:
        raise HushdError("bad_request", f"There is no format {form!r}: choose one of {', '.join(FORMATS)}.")
    return FORMATS[form](segments)


def _cue(segment: Segment) -> str:
    # An arrow in the text would end the cue's timing line early.
    return segment.text.strip().replace("-->", "->")
