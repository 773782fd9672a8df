"""One request under way, for a task: the connection's thread receives its answers, and wakes the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from hushd_protocol.limits import MAX_PAYLOAD
from hushd_protocol.messages import Control, Message, Request

from hushd.transport.call import Call, CallEndedError
from hushd.transport.source import File, Input

from .source import AsyncStream, from_disk, in_memory


class AsyncCall(Call):
    """As `Call`; the methods below are for tasks of the loop in which it was made, all others for any thread."""

    def __init__(self, message: Request | Control, post: Callable[[Message], None]) -> None:
        super().__init__(message, post)
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()  # a message, credit, or the end
        self._waking = False
        self._feeding: asyncio.Task[None] | None = None

    async def next_message(self) -> Message:
        """As `get`."""
        while True:
            self._news.clear()
            message = self._spool.poll()
            if message is not None:
                return message
            await self._news.wait()

    def send_input(self, source: Input) -> None:
        if isinstance(source, AsyncStream):
            self.feed(source.pieces())
        elif isinstance(source, File):
            self.feed(from_disk(source.pieces()))
        elif source.in_memory:
            self.feed(in_memory(source.pieces()))
        else:
            super().send_input(source)  # from a thread: it may wait

    def feed(self, pieces: AsyncIterator[bytes]) -> None:
        """Starts sending `pieces` from a task, as the worker grants credit. As `upload`, but for the thread."""
        self._feeding = asyncio.create_task(self._feed(pieces))

    async def _feed(self, pieces: AsyncIterator[bytes]) -> None:
        try:
            async for piece in pieces:
                for start in range(0, len(piece), MAX_PAYLOAD):
                    await self._offered(memoryview(piece)[start : start + MAX_PAYLOAD])
            await self._offered(b"", last=True)
        except CallEndedError:
            pass  # a live request ends by itself when the speaker stops
        except BaseException as error:
            self.fail(error)

    async def _offered(self, data: bytes | memoryview, last: bool = False) -> None:
        while True:
            self._news.clear()
            if self.offer(data, last=last):
                return
            await self._news.wait()

    # --- on any thread -----------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> bool:
        over = super().receive(message)
        self._wake()
        return over

    def end(self, error: BaseException | None = None) -> None:
        super().end(error)
        self._wake()

    def cancel(self) -> None:
        super().cancel()
        self._wake()

    def _wake(self) -> None:
        if not self._waking:  # else the loop has yet to look
            self._waking = True
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        self._waking = False
        self._news.set()
        if self._feeding and self.ended:
            self._feeding.cancel()
