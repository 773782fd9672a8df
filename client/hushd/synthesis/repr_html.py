"""A speech as a notebook shows it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable

from hushd_schema.sound_file import wav_header

from .received import RAW, Piece

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
