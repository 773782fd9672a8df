"""Messages that were received and not yet consumed, in memory first and then in a file nobody else can open; and sounds
that may be read again.

Credit is granted for what was received, not for what was played: a paused player must hold neither a worker nor a
slot. So an answer of any length is stored on our side of the wire.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections import deque
from contextlib import suppress
from typing import IO, NamedTuple

from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.messages import Message
from msgspec.structs import replace

from .waiting import wait_for

MEMORY = 8 * 1024 * 1024  # bytes that a store keeps in memory: three minutes of speech


class Place(NamedTuple):
    """A place in the temporary file."""

    offset: int
    length: int


class Store:
    """Pieces of bytes: in memory, and beyond `memory` bytes in a temporary file, made when it is needed.
    `content`: of the file, in the sentence of an error: "answer"."""

    def __init__(self, content: str, memory: int = MEMORY) -> None:
        self._content = content
        self._room = memory
        self._file: IO[bytes] | None = None
        self._size = 0
        self._on_disk = 0  # things in the file

    def __del__(self) -> None:
        self.close()

    def put(self, data: bytes) -> bytes | Place:
        """Keeps bytes; returns them, or their place. Raises `output_failed` when memory is used up and the temporary
        folder cannot take them."""
        if len(data) <= self._room:
            self._room -= len(data)
            return data
        what = f"The {self._content} is longer than memory holds and the temporary folder cannot take it"
        with os_errors_as("output_failed", what):
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0, prefix="hushd-")  # noqa: SIM115 - closed by close
            written = 0
            while written < len(data):
                written += os.pwrite(self._file.fileno(), data[written:], self._size + written)
        place = Place(self._size, written)
        self._size += written
        self._on_disk += 1
        return place

    def pop(self, stored: bytes | Place) -> bytes:
        """Returns the bytes of which `put` returned this, once: their room is free again. Raises `output_failed` when
        the temporary folder does not give them back."""
        if isinstance(stored, bytes):
            self._room += len(stored)
            return stored
        assert self._file is not None
        data = b""
        with os_errors_as("output_failed", f"A part of the {self._content} cannot be read again"):
            while len(data) < stored.length:
                piece = os.pread(self._file.fileno(), stored.length - len(data), stored.offset + len(data))
                if not piece:
                    raise OSError(None, "the file has become shorter")
                data += piece
        self._on_disk -= 1
        if self._on_disk == 0:
            self._size = 0
            with suppress(OSError):
                os.ftruncate(self._file.fileno(), 0)
        return data

    def close(self) -> None:
        """Removes the file. Safe to call twice."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()


class Spool:
    """A queue of messages between the I/O thread (`put`, `end`) and the reader of the answer (`get`)."""

    def __init__(self, memory: int = MEMORY) -> None:
        self._changed = threading.Condition()
        # Messages, each without its payload where that has a place.
        self._items: deque[tuple[Message, bytes | Place]] = deque()
        self._store = Store("answer", memory)
        self._error: BaseException | None = None
        self.ended = False  # whether the last message has arrived, consumed or not

    def put(self, message: Message) -> None:
        """Adds a message; never waits for the reader. Raises `output_failed` when memory is used up and the temporary
        file cannot take it."""
        with self._changed:
            if self.ended:
                return
            payload = self._store.put(message.payload)
            self._items.append((message if isinstance(payload, bytes) else replace(message, payload=b""), payload))
            self._changed.notify()

    def end(self, error: BaseException | None = None) -> None:
        """Ends the queue; `get` raises `error`, if given, after the messages that came before."""
        with self._changed:
            if not self.ended:
                self.ended, self._error = True, error
                if not self._items:
                    self._store.close()
                self._changed.notify_all()

    def get(self) -> Message:
        """Returns the next message, waiting for it.

        Raises:
            BaseException: the error that `end` was given.
            EOFError: after the last message.
            HushdError: `output_failed` when the temporary file does not give it back.
        """
        with self._changed:
            wait_for(self._changed, lambda: self._items or self.ended)
            message = self._next()
        assert message is not None
        return message

    def poll(self) -> Message | None:
        """Returns the next message; None while there is none. Raises as `get` does."""
        with self._changed:
            return self._next()

    def discard(self, error: BaseException) -> None:
        """Drops all messages, since nobody will read them; a later `get` raises `error`."""
        with self._changed:
            self.ended, self._error = True, error
            self._items.clear()
            self._store.close()
            self._changed.notify_all()

    def _next(self) -> Message | None:
        if not self._items:
            if self.ended:
                raise self._error or EOFError
            return None
        message, stored = self._items.popleft()
        try:
            payload = self._store.pop(stored)
        except HushdError as error:
            self.discard(error)  # the chunks behind it must not be taken for the next part
            raise
        if self.ended and not self._items:
            self._store.close()
        return message if isinstance(stored, bytes) else replace(message, payload=payload)


RAW = "s16le"  # the format of samples


class Piece(NamedTuple):
    """A part of a sound file and its offset in the file; None: right after the part before it."""

    data: bytes
    offset: int | None


class Received:
    """The pieces of a sound as they were received, to be read again.
    `keep`: whether a piece can be taken more than once; False: it is forgotten when it is taken."""

    def __init__(self, keep: bool = True) -> None:
        self._keep = keep
        self._pieces: list[Piece | None] = []

    def __len__(self) -> int:
        return len(self._pieces)

    def add(self, piece: Piece) -> None:
        """Appends a piece."""
        self._pieces.append(piece)

    def piece(self, index: int) -> Piece:
        """Returns a piece. Raises HushdError `bad_request` when it was taken before and is not kept."""
        piece = self._pieces[index]
        if piece is None:
            raise HushdError("bad_request", "The beginning of this speech is gone: synthesize it without keep=False.")
        if not self._keep:
            self._pieces[index] = None
        return piece
