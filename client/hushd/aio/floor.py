"""The floor, for tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Self, overload

from hushd.transport.connection import Connection
from hushd.transport.floor import Floor

from .threads import step


class AsyncFloor(Floor):
    """As `Floor`, entered with `async with`. A task that is cancelled while it waits gives it back.

    A `Player`, which waits on threads of its own, takes it too.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        devices: Sequence[str],
        priority: str,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(connect, devices, priority, on_wait)
        self._waiting: set[Callable[[], object]] = set()  # wakes a task each

    async def __aenter__(self) -> Self:
        if self._depth:
            await self.regain()
        else:
            await self._enter_waiting()
        self._depth += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    async def regain(self) -> None:
        """As `keep`."""
        if not self.held:
            self._let_go()
            await self._wait_as_task()

    @overload
    def while_held(self, chunks: Iterable[bytes]) -> Iterator[bytes]: ...

    @overload
    def while_held(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]: ...

    def while_held(self, chunks: Iterable[bytes] | AsyncIterable[bytes]) -> Iterator[bytes] | AsyncIterator[bytes]:
        """Yields `chunks` of the microphone, and waits while it is not ours. Raises as `keep` does."""
        return self._while_held(chunks) if isinstance(chunks, AsyncIterable) else super().while_held(chunks)

    async def _while_held(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            await self.regain()
            yield chunk

    async def _enter_waiting(self) -> None:
        self._begin()
        try:
            await step(self._ask)
            await self._wait_as_task()
        except BaseException:
            self.give_back()
            raise

    async def _wait_as_task(self) -> None:
        conditions = self._conditions()
        while condition := await step(next, conditions, None):  # on a thread: it may look for a supervisor
            await self._until(condition)

    async def _until(self, condition: Callable[[], object]) -> None:
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(news.set)

        self._waiting.add(wake)
        try:
            while not condition():
                await news.wait()
                news.clear()
        finally:
            self._waiting.discard(wake)

    def _notify(self) -> None:
        super()._notify()
        for wake in self._waiting.copy():
            wake()
