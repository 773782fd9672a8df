"""A request and its answers, sent again as `attempts` decides: procedures, which threads and tasks run alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Accepted, Message, Request, Result

from .attempts import GONE, MAX_LOST, Attempts
from .call import Call
from .connection import Connection
from .link import refuse_borrowed
from .source import Input
from .steps import Connect, Receive, Steps, Way

AGAIN_S = 5.0  # in which a supervisor must stay for long enough to answer

T = TypeVar("T")


class Attempt(Protocol):
    """One attempt at a request, of which a `Receive` brings the messages."""

    def cancel(self) -> None: ...


class RetryingCall:
    """A request under way, whichever attempt it is. Several tasks may receive its messages, and any may close it.

    Args:
        calls: the class of its attempts: `Call` for threads, `AsyncCall` for tasks.
        pull: downloads a model, `ENGINE/NAME`; None: a missing model is an error.
        own_only: whether a supervisor at the end of the user's pointer is refused.
        on_wait: called with what the request waits for, and with an empty text once it runs.
    """

    max_lost = MAX_LOST  # see `Attempts`

    def __init__(
        self,
        way: Way,
        calls: type[Call],
        request: Request,
        source: Input | None,
        pull: Callable[[str], Steps[object]] | None = None,
        *,
        own_only: bool = False,
        on_wait: Callable[[str], object] | None = None,
    ) -> None:
        self._over = False
        self._on_wait = on_wait
        self._call: Attempt | None = None
        self._source = source
        self._way = way
        self._calls = calls
        self._pull = pull
        self._own_only = own_only
        self._attempts = Attempts(request, source, pull is not None, self.max_lost)

    def begin(self) -> Steps[None]:
        """Sends the request."""
        try:
            yield from with_connection(self._way, self._send, own_only=self._own_only)
        except BaseException:  # Ctrl-C, too, after the request was sent
            self.close()
            raise

    def receive(self) -> Steps[Message | None]:
        """Returns the next message, the last being the `Result`; None after that.

        Raises:
            HushdError: the request has failed, and it does not help to send it again.
        """
        while not self._over:
            try:
                message: Message = yield Receive(self._call)
            except HushdError as error:
                yield from self._recover(error)
                continue
            except EOFError:  # another task has received the result
                break
            except BaseException:  # Ctrl-C, or the task was cancelled: nobody waits for the rest
                self.close()
                raise
            if self._on_wait and isinstance(message, Accepted):
                self._on_wait(message.note)
            if self._is_new(message):
                if isinstance(message, Result):
                    self._end()
                return message
        return None

    def close(self) -> None:
        """Cancels the request, unless it has ended. Safe on any thread."""
        if not self._over:
            self._end()
            if self._call is not None:
                self._call.cancel()

    def __del__(self) -> None:
        self.close()

    def _send(self, connection: Connection) -> Steps[None]:
        # Known before it is sent, so that an interrupt at any time finds it and cancels it.
        request = self._attempts.request
        call = self._call = self._calls(request, connection.post)
        connection.carry(call, request)
        if self._over:  # closed meanwhile
            call.cancel()
        elif self._source is not None and request.input == "stream":
            call.send_input(self._source)
        yield from ()

    def _is_new(self, message: Message) -> bool:
        try:
            return self._attempts.is_new(message)
        except HushdError:
            self.close()
            raise

    def _recover(self, error: HushdError) -> Steps[None]:
        """Sends the request again if that helps, else raises `error`."""
        try:
            if not self._attempts.again(error):
                raise error
            if self._attempts.missing and self._pull:
                yield from self._pull(self._attempts.missing)
            yield from self.begin()
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        self._over = True
        if self._source is not None:
            self._source.close()


def with_connection(
    way: Way,
    use: Callable[[Connection], Steps[T]],
    *,
    own_only: bool = False,
    needed: Callable[[], bool] = lambda: True,
    clock: Callable[[], float] = time.monotonic,
) -> Steps[T]:
    """Returns what `use` returns for a connection; tries again with a new one when the supervisor was lost.

    Once at least, and for `AGAIN_S` from the first loss: several supervisors in a row may be about to end.

    Args:
        own_only: whether `use` changes or ends the supervisor, which `refuse_borrowed` may forbid.
        needed: see `Link.connect`.
    """
    give_up = math.inf
    last = False
    while True:
        connection = yield Connect(way, needed)
        if own_only:
            refuse_borrowed(connection)
        try:
            return (yield from use(connection))
        except HushdError as error:
            if error.code not in GONE or last:
                raise
        now = clock()
        give_up = min(give_up, now + AGAIN_S)
        last = now >= give_up
