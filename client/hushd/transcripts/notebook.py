"""A transcript and a speech as a notebook shows them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

from hushd_schema.sound_file import wav_header

from hushd.reports.display import clock
from hushd.transcripts.segment import Segment
from hushd.transport.spool import RAW, Piece

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


MAX_BYTES = 32 * 1024 * 1024  # bytes of sound in a page: eleven minutes of samples at 24 kHz
# Those that browsers play.
_TYPES = {
    RAW: "audio/wav",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "m4a": "audio/mp4",
}


def can_play(form: str) -> bool:
    """Returns whether browsers play speech in this format."""
    return form in _TYPES


def player(pieces: Iterable[Piece], form: str, rate: int, channels: int) -> str:
    """Returns HTML with all of the sound and the controls to play it; for a very long one, a sentence."""
    sound = bytearray()
    for data, offset in pieces:
        start = len(sound) if offset is None else offset
        sound[start : start + len(data)] = data
    if len(sound) > MAX_BYTES:
        return f"<p>This speech of {len(sound) >> 20} MiB is too long for a notebook: save it.</p>"
    if form == RAW:
        sound[:0] = wav_header(rate, len(sound), channels or 1)
    return f'<audio controls src="data:{_TYPES[form]};base64,{b64encode(sound).decode()}"></audio>'
