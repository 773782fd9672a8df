"""The kinds of sound file that can be written, and the WAV header, which we write ourselves."""

from __future__ import annotations

import os
import struct

from hushd_protocol.errors import HushdError

FORMATS = ("wav", "flac", "ogg", "opus", "mp3", "aiff", "au", "caf", "m4a", "alac", "aac", "pcm")
_UNKNOWN = 0xFFFFFFFF  # bytes
_EXTENSIONS = {
    ".aif": "aiff",
    ".aifc": "aiff",
    ".m4b": "m4a",
    ".mp4": "m4a",
    ".oga": "ogg",
    ".raw": "pcm",
    ".snd": "au",
}


def format_of(path: str | os.PathLike[str]) -> str:
    """Returns the kind of file for the extension of a path.

    Raises:
        HushdError: `bad_request` for an extension that cannot be written.
    """
    extension = os.path.splitext(os.fspath(path))[1].lower()
    form = _EXTENSIONS.get(extension, extension[1:])
    if form not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise HushdError("bad_request", f"{os.fspath(path)!r} names no format: end it with one of {known}.")
    return form


def wav_header(rate: int, channels: int, size: int | None, width: int = 2, floating: bool = False) -> bytes:
    """Returns the 44 bytes before samples of `width` bytes, integers or floats; by default s16le.

    `size` is that of the file, header included; None, or more than 4 GiB: unknown, and readers read to the end.
    """
    unknown = size is None or size - 8 > _UNKNOWN
    whole, data = (_UNKNOWN, _UNKNOWN) if size is None or unknown else (size - 8, size - 44)
    frame = channels * width
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", whole, b"WAVE",
        b"fmt ", 16, 3 if floating else 1, channels, rate, rate * frame, frame, 8 * width,
        b"data", data,
    )  # fmt: skip
