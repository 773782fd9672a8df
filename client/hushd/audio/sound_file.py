"""The kinds of sound file that can be asked for, and the one header we write ourselves."""

from __future__ import annotations

import os
import struct

from hushd_protocol.errors import HushdError

FORMATS = ("wav", "flac", "ogg", "opus", "mp3", "aiff", "pcm")
_EXTENSIONS = {".aif": "aiff", ".aifc": "aiff", ".oga": "ogg", ".raw": "pcm"}


def format_of(path: str | os.PathLike[str]) -> str:
    """The kind of file that an extension asks for.

    Raises:
        HushdError: `bad_request` when it names none that can be written.
    """
    extension = os.path.splitext(os.fspath(path))[1].lower()
    form = _EXTENSIONS.get(extension, extension[1:])
    if form not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise HushdError("bad_request", f"{os.fspath(path)!r} names no format: end it with one of {known}.")
    return form


def wav_header(rate: int, channels: int, size: int | None) -> bytes:
    """The 44 bytes before s16le samples. `size` is that of the file, header included; None while it is unknown."""
    whole = 0xFFFFFFFF if size is None else size - 8
    data = 0xFFFFFFFF if size is None else size - 44
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", whole, b"WAVE", b"fmt ", 16, 1, channels, rate, rate * channels * 2, channels * 2, 16, b"data", data,
    )  # fmt: skip
