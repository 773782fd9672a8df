"""The floor, for tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Self, overload

from hushd.floor import Floor

from .steps import run


class AsyncFloor(Floor):
    """As `Floor`, entered with `async with`. A task that is cancelled while it waits gives it back.

    A `Player`, which waits on threads of its own, takes it too.
    """

    def __init__(self, *claim: Any) -> None:
        super().__init__(*claim)
        self._waiting: set[Callable[[], object]] = set()  # wakes a task each

    async def __aenter__(self) -> Self:
        await run(self._enter())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    async def regain(self) -> None:
        """As `keep`."""
        await run(self._regain())

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

    async def when(self, condition: Callable[[], object]) -> None:
        """As `wait_for`."""
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
