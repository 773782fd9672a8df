"""A request and its answers, sent again as `attempts` decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Message, Request, Result

from .attempts import GONE, Attempts
from .call import Call
from .connection import Connection
from .source import Source

AGAIN_S = 5.0  # in which a supervisor must stay for long enough to answer

T = TypeVar("T")


class RetryingCall(Iterator[Message]):
    """Iterates over the messages of a request, the last being its `Result`.

    Args:
        pull: downloads a model, `ENGINE/NAME`; None: a missing model is an error.

    Raises:
        HushdError: at once when there is no supervisor, else while iterating.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        request: Request,
        source: Source | None,
        pull: Callable[[str], object] | None = None,
    ) -> None:
        self._connect = connect
        self._pull = pull
        self._source = source
        self._attempts = Attempts(request, source, pull is not None)
        self._over = False
        self._call: Call | None = None
        try:
            self._ask()
        except BaseException:  # Ctrl-C, too, after the request was sent
            self.close()
            raise

    def __next__(self) -> Message:
        while self._call and not self._over:
            try:
                message = self._call.get()
            except HushdError as error:
                if not self._recover(error):
                    self._over = True
                    raise
                continue
            except BaseException:  # Ctrl-C, too, means that nobody waits for the rest
                self.close()
                raise
            if self._is_new(message):
                self._over = isinstance(message, Result)
                return message
        raise StopIteration

    def _is_new(self, message: Message) -> bool:
        try:
            return self._attempts.is_new(message)
        except HushdError:
            self.close()
            raise

    def close(self) -> None:
        """Cancels the request, unless it has ended."""
        if self._call and not self._over:
            self._over = True
            self._call.cancel()

    def __del__(self) -> None:
        if hasattr(self, "_call"):
            self.close()

    def _ask(self) -> None:
        call = with_connection(self._connect, self._send)
        if self._source and self._attempts.request.input == "stream":
            call.upload(self._source.pieces())

    def _send(self, connection: Connection) -> Call:
        # Known before it is sent, so that an interrupt at any time finds it and cancels it.
        request = self._attempts.request
        self._call = call = Call(request, connection.post)
        connection.carry(call, request)
        return call

    def _recover(self, error: HushdError) -> bool:
        """Sends the request again if that helps; returns whether it did."""
        if not self._attempts.again(error):
            return False
        if self._attempts.missing and self._pull:
            self._pull(self._attempts.missing)
        self._ask()
        return True


def with_connection(connect: Callable[[], Connection], use: Callable[[Connection], T]) -> T:
    """Returns what `use` returns for a connection; tries again with a new one when the supervisor was lost.

    Once at least, and for `AGAIN_S`: several supervisors in a row may be about to end.
    """
    give_up = time.monotonic() + AGAIN_S
    last = False
    while True:
        connection = connect()
        try:
            return use(connection)
        except HushdError as error:
            if error.code not in GONE or last:
                raise
        last = time.monotonic() >= give_up
