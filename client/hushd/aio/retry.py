"""A request and its answers, sent a second time where nothing can be lost by it: `hushd.transport.retry` for tasks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Control, Message, Request, Result

from hushd.transport.attempts import GONE, MOST_LOST, Attempts
from hushd.transport.connection import Connection
from hushd.transport.retry import AGAIN_S
from hushd.transport.source import File, Source

from .call import AsyncCall
from .source import AsyncStream, from_disk, in_memory

Connect = Callable[[], Awaitable[Connection]]
T = TypeVar("T")


class Answers(Protocol):
    """One attempt at a request: an `AsyncCall`, or one that goes by another way."""

    async def next_message(self) -> Message: ...

    def cancel(self) -> None: ...


class AsyncRetryingCall(AsyncIterator[Message]):
    """As `RetryingCall`; `begin` sends the request. A cancelled task's request is cancelled."""

    most_lost = MOST_LOST  # see `Attempts`

    def __init__(
        self,
        connect: Connect,
        request: Request,
        source: Source | AsyncStream | None,
        pull: Callable[[str], Awaitable[object]] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = False
        self._call: Answers | None = None
        self._source = source
        self._connect = connect
        self._pull = pull
        self._attempts = Attempts(request, source, pull is not None, self.most_lost)

    async def begin(self) -> None:
        """Sends the request, which must be awaited before the iteration."""
        request = self._attempts.request
        call = await with_connection(self._connect, sending(request))
        self._call = call
        if self._over:  # another task has closed it meanwhile
            call.cancel()
        elif self._source is not None and request.input == "stream":
            self._send_input(call, self._source)

    async def __anext__(self) -> Message:
        while not self._over:
            assert self._call is not None
            try:
                message = await self._call.next_message()
            except HushdError as error:
                await self._recover(error)
                continue
            except EOFError:  # another task has got the result
                break
            except BaseException:  # the task was cancelled: nobody waits for the rest
                self.close()
                raise
            if self._is_new(message):
                if isinstance(message, Result):
                    self._end()
                return message
        raise StopAsyncIteration

    def close(self) -> None:
        """Cancels the request, unless it has ended."""
        if not self._over:
            self._end()
            if self._call is not None:
                self._call.cancel()

    def __del__(self) -> None:
        if not self._over:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(_close, self._call, self._source)

    def _is_new(self, message: Message) -> bool:
        try:
            return self._attempts.is_new(message)
        except HushdError:
            self.close()
            raise

    def _send_input(self, call: AsyncCall, source: Source | AsyncStream) -> None:
        if isinstance(source, AsyncStream):
            call.feed(source.pieces())
        elif source.in_memory:
            call.feed(in_memory(source.pieces()))
        elif isinstance(source, File):
            call.feed(from_disk(source.pieces()))
        else:
            call.upload(source.pieces())  # from a thread: it may wait

    def _end(self) -> None:
        self._over = True
        if isinstance(self._source, AsyncStream):
            self._source.close()

    async def _recover(self, error: HushdError) -> None:
        """Sends the request again if that helps, else raises `error`."""
        try:
            if not self._attempts.again(error):
                raise error
            if self._attempts.missing and self._pull:
                await self._pull(self._attempts.missing)
            await self.begin()
        except BaseException:
            self._end()
            raise


def sending(message: Request | Control) -> Callable[[Connection], Awaitable[AsyncCall]]:
    """Returns a function that sends the message on a connection, and returns the call in which its answers arrive."""

    async def send(connection: Connection) -> AsyncCall:
        call = AsyncCall(message, connection.post)
        connection.carry(call, message)
        return call

    return send


async def with_connection(connect: Connect, use: Callable[[Connection], Awaitable[T]]) -> T:
    """As `hushd.transport.retry.with_connection`."""
    give_up = time.monotonic() + AGAIN_S
    last = False
    while True:
        connection = await connect()
        try:
            return await use(connection)
        except HushdError as error:
            if error.code not in GONE or last:
                raise
        last = time.monotonic() >= give_up


def _close(call: Answers | None, source: Source | AsyncStream | None) -> None:
    if call is not None:
        call.cancel()
    if isinstance(source, AsyncStream):
        source.close()
