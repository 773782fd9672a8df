"""The formats of sound files that hushd can write, by name, and the WAV header, which it writes itself."""

from __future__ import annotations

import os
import struct

from hushd_protocol.errors import HushdError

SOUND_FORMATS = ("wav", "flac", "ogg", "opus", "mp3", "aiff", "m4a", "aac", "pcm")
# Other names of formats: extensions, and macOS's codes.
OTHERWISE = {
    "adts": "aac", "aif": "aiff", "aifc": "aiff", "m4af": "m4a", "m4b": "m4a", "mp4": "m4a", "mp4f": "m4a",
    "oga": "ogg", "raw": "pcm", "wave": "wav",
}  # fmt: skip
# libsndfile's names: container and coding.
SOUNDFILE = {
    "flac": ("FLAC", "PCM_16"), "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"), "mp3": ("MP3", "MPEG_LAYER_III"),
    "aiff": ("AIFF", "PCM_16"),
}  # fmt: skip
# The usual suffixes of files that libsndfile and FFmpeg can read.
SUFFIXES = frozenset(
    (
        ".3gp", ".aac", ".ac3", ".aif", ".aiff", ".amr", ".avi", ".caf", ".flac", ".flv", ".m4a", ".m4b", ".m4v",
        ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpeg", ".mpg", ".oga", ".ogg", ".ogv", ".opus", ".ts", ".wav",
        ".weba", ".webm", ".wma", ".wmv",
    )
)  # fmt: skip
UNKNOWN_SIZE = 0xFFFFFFFF
WAV_HEADER = 44  # bytes


def sound_format(path: str | os.PathLike[str]) -> str:
    """Returns the format for the extension of a path. Raises `bad_request` for an extension that cannot be written."""
    extension = os.path.splitext(os.fspath(path))[1][1:].lower()
    form = OTHERWISE.get(extension, extension)
    if form not in SOUND_FORMATS:
        extensions = ", ".join(f".{name}" for name in SOUND_FORMATS)
        raise HushdError("bad_request", f"{os.fspath(path)!r} names no format: end it with one of {extensions}.")
    return form


def wav_header(rate: int, size: int | None, channels: int = 1, width: int = 2, floating: bool = False) -> bytes:
    """Returns the 44 bytes before `size` bytes of samples of `width` bytes, integers or floats; by default s16le.
    If `size` is None or more than 4 GiB, the header says that it is unknown, and readers read to the end."""
    before = WAV_HEADER - 8
    known = size is not None and size + before <= UNKNOWN_SIZE
    whole, data = (size + before, size) if size is not None and known else (UNKNOWN_SIZE, UNKNOWN_SIZE)
    frame = channels * width
    form = (16, 3 if floating else 1, channels, rate, rate * frame, frame, 8 * width)
    start = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", whole, b"WAVE", b"fmt ", *form)
    return start + struct.pack("<4sI", b"data", data)
