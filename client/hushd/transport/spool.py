"""Messages that were received and not yet consumed: in memory first and then in a file nobody else can open.

Credit is granted for what was received, not for what was played: a paused player must hold neither a worker nor a
slot. So an answer of any length is stored on our side of the wire.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from dataclasses import replace
from typing import IO, NamedTuple

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Message

MEMORY = 8 * 1024 * 1024  # bytes of payload that a spool keeps in memory


class _OnDisk(NamedTuple):
    message: Message  # without its payload
    offset: int
    length: int


class Spool:
    """A queue of messages between the I/O thread (`put`, `end`) and the reader of the answer (`get`)."""

    def __init__(self, memory: int = MEMORY) -> None:
        self._changed = threading.Condition()
        self._items: deque[Message | _OnDisk] = deque()
        self._error: BaseException | None = None
        self._ended = False
        self._room = memory
        self._file: IO[bytes] | None = None
        self._size = 0  # of the file
        self._on_disk = 0  # messages in it

    def put(self, message: Message) -> None:
        """Adds a message; never waits for the reader.

        Raises:
            HushdError: `output_failed` when memory is used up and the temporary file cannot take it.
        """
        with self._changed:
            if self._ended:
                return
            length = len(message.payload)
            if length <= self._room:
                self._room -= length
                self._items.append(message)
            else:
                self._items.append(self._write(message))
            self._changed.notify()

    def end(self, error: BaseException | None = None) -> None:
        """Ends the queue; `get` raises `error`, if given, after the messages that came before."""
        with self._changed:
            if not self._ended:
                self._ended, self._error = True, error
                if not self._items:
                    self._close()
                self._changed.notify_all()

    def get(self) -> Message:
        """Returns the next message, waiting for it.

        Raises:
            BaseException: the error that `end` was given.
            EOFError: after the last message.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._ended)
            message = self._next()
        assert message is not None
        return message

    def poll(self) -> Message | None:
        """Returns the next message; None while there is none. Raises as `get` does."""
        with self._changed:
            return self._next()

    @property
    def ended(self) -> bool:
        """True if the last message has arrived, consumed or not."""
        return self._ended

    def discard(self, error: BaseException) -> None:
        """Drops all messages, since nobody will read them; a later `get` raises `error`."""
        with self._changed:
            self._ended, self._error = True, error
            self._items.clear()
            self._close()
            self._changed.notify_all()

    def _next(self) -> Message | None:
        if not self._items:
            if self._ended:
                raise self._error or EOFError
            return None
        item = self._items.popleft()
        if isinstance(item, _OnDisk):
            item = self._read(item)
        else:
            self._room += len(item.payload)
        if self._ended and not self._items:
            self._close()
        return item

    def _write(self, message: Message) -> _OnDisk:
        try:
            if self._file is None:
                import tempfile  # costs 10 ms that nearly nobody needs

                self._file = tempfile.TemporaryFile(buffering=0, prefix="hushd-")  # noqa: SIM115 - closed by _close
            written = 0
            while written < len(message.payload):
                written += os.pwrite(self._file.fileno(), message.payload[written:], self._size + written)
        except OSError as error:
            raise HushdError(
                "output_failed",
                f"The answer is longer than memory holds and the temporary folder cannot take it ({error.strerror}).",
            ) from error
        item = _OnDisk(replace(message, payload=b""), self._size, written)
        self._size += written
        self._on_disk += 1
        return item

    def _read(self, item: _OnDisk) -> Message:
        assert self._file is not None
        payload = os.pread(self._file.fileno(), item.length, item.offset)
        self._on_disk -= 1
        if self._on_disk == 0:
            os.ftruncate(self._file.fileno(), 0)
            self._size = 0
        return replace(item.message, payload=payload)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
