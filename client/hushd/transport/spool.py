"""Messages that were received and not yet consumed: in memory first and then in a file nobody else can open.

Credit is granted for what was received, not for what was played: a paused player must hold neither a worker nor a
slot. So an answer of any length is stored on our side of the wire.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import replace
from hushd_protocol.messages import Message

from .overflow import Overflow

MEMORY = 8 * 1024 * 1024  # bytes of payload that a spool keeps in memory


class _OnDisk(NamedTuple):
    message: Message  # without its payload
    offset: int  # in the temporary file
    length: int


class Spool:
    """A queue of messages between the I/O thread (`put`, `end`) and the reader of the answer (`get`)."""

    def __init__(self, memory: int = MEMORY) -> None:
        self._changed = threading.Condition()
        self._items: deque[Message | _OnDisk] = deque()
        self._error: BaseException | None = None
        self._ended = False
        self._room = memory
        self._file = Overflow("answer")
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
                    self._file.close()
                self._changed.notify_all()

    def get(self) -> Message:
        """Returns the next message, waiting for it.

        Raises:
            BaseException: the error that `end` was given.
            EOFError: after the last message.
            HushdError: `output_failed` when the temporary file does not give it back.
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
            self._file.close()
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
            self._file.close()
        return item

    def _write(self, message: Message) -> _OnDisk:
        offset = self._file.add(message.payload)
        self._on_disk += 1
        return _OnDisk(replace(message, payload=b""), offset, len(message.payload))

    def _read(self, item: _OnDisk) -> Message:
        try:
            payload = self._file.read(item.offset, item.length)
        except HushdError as error:
            self.discard(error)  # what follows must not be taken for the next part
            raise
        self._on_disk -= 1
        if self._on_disk == 0:
            self._file.clear()
        return replace(item.message, payload=payload)
