"""The source of audio, however it is given: a path, a file's bytes, a binary file, pieces, an array of samples."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_PAYLOAD

from hushd.transport.source import File, Inline, Source, Stream

_BYTES = ("B", "b", "c")  # formats of buffers


class Array(Protocol):
    """An object that numpy reads as an array, such as its own arrays and a tensor in main memory."""

    def __array__(self) -> Any: ...


Audio = str | os.PathLike[str] | bytes | bytearray | memoryview | Iterable[bytes] | Array


def of_audio(audio: Audio, rate: int | None = None) -> Source:
    """Returns the source of a path, a file's bytes, a binary file, an iterable of bytes or an array of samples.

    Args:
        rate: of an array, in Hz.

    Raises:
        HushdError: `input_unreadable` when it is empty or unreadable, `bad_request` for an array that is not audio.
    """
    if isinstance(audio, str | os.PathLike):
        return Stream(_piped(audio)) if _is_pipe(audio) else File(audio)
    if is_array(audio):
        from .samples import Samples

        return Samples(audio, rate)
    if isinstance(audio, bytes | bytearray | memoryview):
        if not audio:
            raise HushdError("input_unreadable", "The audio is empty.")
        return Inline(bytes(audio))
    return Stream(_pieces(audio))


def is_array(audio: object) -> bool:
    """Returns whether `audio` is numbers in memory and not bytes: an array of numpy or `array`, a tensor, a view."""
    if isinstance(audio, str | bytes):  # numpy's scalars of these, too
        return False
    if hasattr(audio, "__array__"):
        return True
    try:
        return memoryview(audio).format not in _BYTES  # type: ignore[arg-type]
    except TypeError:
        return False


def _is_pipe(path: str | os.PathLike[str]) -> bool:
    """Returns whether `path` names a pipe, as a shell's `<(command)` does."""
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False  # `File` says what is wrong with it


def _piped(path: str | os.PathLike[str]) -> Iterator[bytes]:
    """The bytes that come through a named pipe; waits for a program that writes to it."""
    name = os.fspath(path)
    try:
        with open(name, "rb", buffering=0) as pipe:
            while piece := pipe.read(MAX_PAYLOAD):
                yield piece
    except OSError as error:
        raise HushdError("input_unreadable", f"{name!r} cannot be read ({error.strerror}).") from error


def _pieces(audio: Any) -> Iterable[bytes]:
    """Yields a binary file in blocks, not in lines, whose ends mean nothing in audio."""
    read = getattr(audio, "read", None)
    return iter(lambda: read(MAX_PAYLOAD), b"") if read else audio
