"""The input of a request: its source, the way it is sent, and whether it can be read a second time.

A file is sent as its path, with the identity of the file we saw; small data is sent in the request itself; everything
else is streamed as the worker grants credit.
"""

from __future__ import annotations

import os
import shlex
import stat
import threading
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.limits import MAX_PAYLOAD

REPLAY_BYTES = 8 * 1024 * 1024  # bytes of a stream kept to be sent again: four minutes of 16 kHz mono

Text = str | bytes | Iterable[str] | Iterable[bytes]


class Input(Protocol):
    """The input of one request, however its pieces are read.
    `in_memory`: whether reading never waits."""

    in_memory: bool = False

    @property
    def whole(self) -> bool:
        """True if `pieces` can be read again from the start."""

    def fields(self) -> dict[str, Any]:
        """Returns the fields of a `Request` that describe its input."""
        return {"input": "stream"}

    def pieces(self) -> Any:
        """Yields the bytes, for a request whose input is `stream`."""

    def kept(self) -> bytes:
        """Returns the input read so far, where it is still in memory; else nothing."""
        return b""

    def close(self) -> None:
        """Stops reading; called when the request has ended."""
        return


class Inline(Input):
    """Bytes in memory: sent in the request if they fit, else as a stream."""

    in_memory = True
    whole = True

    def __init__(self, data: bytes) -> None:
        self._data = data

    def kept(self) -> bytes:
        return self._data

    def fields(self) -> dict[str, Any]:
        if len(self._data) <= MAX_PAYLOAD:
            return {"input": "inline", "payload": self._data}
        return {"input": "stream"}

    def pieces(self) -> Iterator[bytes]:
        for start in range(0, len(self._data), MAX_PAYLOAD):
            yield self._data[start : start + MAX_PAYLOAD]


class File(Input):
    """A regular file: sent as its path, or as a stream to a worker that cannot open that path. Raises
    `input_unreadable` when it is missing, unreadable, empty or a folder.
    `sent`: whether the content itself is to be sent, to another machine."""

    whole = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.sent = False
        name = os.fspath(path)
        try:
            self.path = os.path.abspath(name)
            # O_NONBLOCK: opening a pipe must not wait for a writer.
            descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                self._info = os.fstat(descriptor)
            finally:
                os.close(descriptor)
        except (OSError, ValueError) as error:
            if isinstance(name, str) and name.lower().startswith(("http://", "https://", "ftp://")):
                raise HushdError(
                    "input_unreadable",
                    f"{name!r} is an address on the web, and hushd downloads no recordings: "
                    f"curl -sL {shlex.quote(name)} | listen -",
                ) from None
            reason = error.strerror if isinstance(error, OSError) else "its name is not valid"
            raise HushdError("input_unreadable", f"{name!r} cannot be read ({reason}).") from error
        mode = self._info.st_mode
        if stat.S_ISDIR(mode):
            raise HushdError("input_unreadable", f"{name!r} is a folder: name the files in it.")
        if not stat.S_ISREG(mode):
            raise HushdError("input_unreadable", f"{name!r} is not a regular file: use - to read standard input.")
        if self._info.st_size == 0:
            raise HushdError("input_unreadable", f"{name!r} is empty.")

    def fields(self) -> dict[str, Any]:
        if self.sent:
            return {"input": "stream"}
        try:
            self.path.encode()
        except UnicodeEncodeError:  # a header's text is UTF-8, a file's name need not be
            return {"input": "stream"}
        return {
            "input": "path",
            "path": self.path,
            "device": self._info.st_dev,
            "inode": self._info.st_ino,
            "size": self._info.st_size,
        }

    def pieces(self) -> Iterator[bytes]:
        return blocks(self.path)


def blocks(path: str | bytes) -> Iterator[bytes]:
    """Yields the bytes of a file, or of a named pipe, for whose writer it waits. Raises `input_unreadable`."""
    with os_errors_as("input_unreadable", f"{path!r} cannot be read"), open(path, "rb", buffering=0) as file:
        while piece := file.read(MAX_PAYLOAD):
            yield piece


class InputDiscardedError(HushdError):
    """A part of the input that was to be sent again is no longer kept."""

    def __init__(self) -> None:
        super().__init__("worker_crashed", "The request was lost, and its input has grown too long to send again.")


class Replayed(Input):
    """An iterable that is read once; the pieces read are kept up to `room` bytes, so that they can be sent again."""

    def __init__(self, room: int = REPLAY_BYTES) -> None:
        self._pieces: list[bytes] = []
        self._room = room
        self._count = 0  # pieces read, kept or not
        self._failure: BaseException | None = None

    @property
    def whole(self) -> bool:
        return self._room >= 0

    def kept(self) -> bytes:
        return b"".join(self._pieces)

    def has(self, position: int) -> bool:
        """Returns whether `at` returns a piece."""
        return position < len(self._pieces)

    def at(self, position: int) -> bytes | None:
        """Returns a kept piece; None when the next one is to be read for it.

        Raises:
            BaseException: the error of the iterable.
            InputDiscardedError: the piece is no longer there.
        """
        if self.has(position):
            return self._pieces[position]
        if position != self._count:
            raise InputDiscardedError
        if self._failure is not None:
            raise self._failure
        return None

    def add(self, piece: bytes | None) -> bytes | None:
        """Adds the next piece, None at the end, and returns it. Raises `bad_request` when it is not bytes."""
        if piece is None:
            return None
        if not isinstance(piece, bytes | bytearray | memoryview):
            error = HushdError(
                "bad_request",
                f"The input is an iterable of {type(piece).__name__}, not of bytes: give transcribe one array of all "
                "samples and its rate=, or the bytes of int16 samples.",
            )
            self.fail(error)
            raise error
        self._count += 1
        self._room -= len(piece)
        if self.whole:
            self._pieces.append(piece)
        else:
            self._pieces.clear()
        return piece

    def fail(self, error: BaseException) -> None:
        """Keeps the error of the iterable, which `at` raises from now on."""
        self._failure = error


class Stream(Replayed):
    """An iterable of bytes, read on the thread that sends it.

    A second reader gets what was kept and goes on with the rest, also while the first one still waits for more. An
    error of the iterable is raised to every reader that gets so far, since a failed generator only seems to end.
    """

    def __init__(self, pieces: Iterable[bytes], room: int = REPLAY_BYTES) -> None:
        super().__init__(room)
        self._iterator = _iterator(pieces)
        self._lock = threading.Lock()

    def pieces(self) -> Iterator[bytes]:
        position = 0
        while (piece := self._piece(position)) is not None:
            position += 1
            yield piece

    def _piece(self, position: int) -> bytes | None:
        if self.has(position):  # a reader that waits for the next piece holds the lock
            return self.at(position)
        with self._lock:
            piece = self.at(position)
            if piece is not None:
                return piece
            try:
                piece = next(self._iterator, None)
            except BaseException as error:
                self.fail(error)
                raise
            return self.add(piece)


def of_text(text: Text) -> Input:
    """Returns the source of a string, UTF-8 bytes, or an iterable of either. Raises `bad_request` when the text is
    empty or not valid Unicode."""
    if isinstance(text, str):
        text = utf8(text)
    if isinstance(text, bytes):
        if not text.strip():
            raise HushdError("bad_request", "There is nothing to say: the text is empty.")
        return Inline(text)
    pieces: Iterator[str] | Iterator[bytes] = _iterator(text, "Text is a string, UTF-8 bytes, or an iterable of either")
    return Stream(utf8(piece) if isinstance(piece, str) else piece for piece in pieces)


def _iterator(
    pieces: Any, sentence: str = "Audio is a path, bytes, an array, or an iterable of bytes"
) -> Iterator[Any]:
    try:
        return iter(pieces)
    except TypeError:
        raise HushdError("bad_request", f"{sentence}, and not {type(pieces).__name__}.") from None


def utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise HushdError("bad_request", "The text is not valid Unicode: it has half of a surrogate pair.") from error
