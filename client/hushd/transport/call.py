"""One request under way on a connection: its answers come in, its input goes out."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from hushd_protocol import buggify
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import CREDIT_WINDOW, ID_BYTES, MAX_PAYLOAD
from hushd_protocol.messages import Cancel, Chunk, Control, Credit, Error, Message, Partial, Request, Result

from .source import Input
from .spool import Spool

_GRANT = CREDIT_WINDOW // 2  # a credit message for every so many chunks: the peer never runs dry


class Answered(Protocol):
    """The receiver of the answers with its id, on the I/O thread of a connection."""

    @property
    def id(self) -> bytes: ...

    def receive(self, message: Message) -> bool:
        """Receives an answer; returns whether it was the last one."""

    def end(self, error: BaseException | None = None) -> None:
        """Called when no more answers come, because of `error`."""


class CallEndedError(Exception):
    """The request has ended, so its input is no longer needed."""


class Call:
    """A request or control message under way, with its answers and its input.

    Iterating yields `Accepted`, `Progress`, `Partial` and `Chunk` messages and, last, the `Result`; an `Error` is
    raised as `HushdError`. Leaving the loop early does not cancel: call `cancel`.
    """

    def __init__(self, message: Request | Control, post: Callable[[Message], None]) -> None:
        self.id = message.id
        self._post = post
        self._spool = Spool(0) if buggify("answer goes to disk") else Spool()
        self._expected = 0  # the next seq of the answer
        self._ungranted = 0  # chunks received since the last grant
        self._seq = 0  # number of the input's last chunk
        self._credit = 0
        self._changed = threading.Condition()  # reentrant; its holder sees whether the call has ended

    # --- the reader's side -------------------------------------------------------------------------------------------

    def get(self) -> Message:
        """Returns the next message, waiting for it. The `Result` is the last: do not call it again after that. Raises
        HushdError if the request failed, the supervisor is gone, or the call was cancelled."""
        return self._spool.get()

    def __iter__(self) -> Iterator[Message]:
        message = self.get()
        while not isinstance(message, Result):
            yield message
            message = self.get()
        yield message

    def result(self) -> Result:
        """Waits for the result, and returns it; all other messages are dropped."""
        *_, message = self
        assert isinstance(message, Result)
        return message

    @property
    def ended(self) -> bool:
        return self._spool.ended

    def cancel(self) -> None:
        """Cancels the request; nothing more will be read. Safe to call after its end."""
        if not self._spool.ended:
            self._post(Cancel(id=self.id))
        self._spool.discard(HushdError("cancelled", "The request was cancelled."))
        with self._changed:
            self._changed.notify_all()  # wakes the sender of its input

    # --- the input's side --------------------------------------------------------------------------------------------

    def send_input(self, source: Input) -> None:
        """Starts sending an input from a thread of its own, as the worker grants credit.

        An error in reading it becomes the outcome of the call.
        """
        threading.Thread(target=self._upload, args=(source.pieces(),), name="hushd-upload", daemon=True).start()

    def send(self, data: bytes | memoryview, *, last: bool = False) -> None:
        """Sends input, waiting for credit. Raises CallEndedError if the request ended meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._credit > 0 or self._spool.ended)
            self.offer(data, last=last)

    def offer(self, data: bytes | memoryview, *, last: bool = False) -> bool:
        """Sends input if there is credit; returns whether there was. Raises as `send` does."""
        with self._changed:
            if self._spool.ended:
                raise CallEndedError
            if self._credit == 0:
                return False
            self._credit -= 1
            # The lock is the one that `end` takes: no chunk follows the end, after which the id may be used again.
            self._post(Chunk(id=self.id, seq=self._seq, last=last, payload=bytes(data)))
            self._seq += 1
            return True

    def _upload(self, pieces: Iterable[bytes]) -> None:
        try:
            for piece in pieces:
                for start in range(0, len(piece), MAX_PAYLOAD):
                    self.send(memoryview(piece)[start : start + MAX_PAYLOAD])
            self.send(b"", last=True)
        except CallEndedError:
            pass  # a live request ends by itself when the speaker stops
        except BaseException as error:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Makes `error`, which reading the input has raised, the outcome of the call."""
        with self._changed:
            if not self._spool.ended:
                self._post(Cancel(id=self.id))
                self.end(error)

    # --- the I/O thread's side ---------------------------------------------------------------------------------------

    def receive(self, message: Message) -> bool:
        """Receives a message of this call; returns whether it was the last one. Raises HushdError if the call cannot go
        on: a message was lost, or the spool is full."""
        if isinstance(message, Credit):
            with self._changed:
                self._credit += message.chunks
                self._changed.notify_all()
        elif isinstance(message, Error):
            self.end(message.exception())
            return True
        elif isinstance(message, Result):
            self._spool.put(message)
            self.end()
            return True
        else:
            if isinstance(message, Chunk | Partial):
                if message.seq != self._expected:
                    raise HushdError("protocol_error", "A part of the answer is missing: please ask again.")
                self._expected += 1
            self._spool.put(message)
            if isinstance(message, Chunk):
                self._grant()
        return False

    def _grant(self) -> None:
        """Grants further chunks, since one has come: credit is for chunks received, not for chunks consumed."""
        self._ungranted += 1
        if self._ungranted >= _GRANT or buggify("credit for one chunk"):
            self._post(Credit(id=self.id, chunks=self._ungranted))
            self._ungranted = 0

    def end(self, error: BaseException | None = None) -> None:
        """Ends the call: `error` is raised to the reader, after the messages that came before."""
        with self._changed:
            self._spool.end(error)
            self._changed.notify_all()


def new_id() -> bytes:
    """Returns an id for a request: random, so that nobody has to remember those in use."""
    return os.urandom(ID_BYTES)
