"""A microphone for tasks."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Protocol

from .devices import STARVED_S


class Recording(Protocol):
    """The part of `Microphone` that is read here."""

    on_chunk: Callable[[], object] | None

    def take(self) -> bytes | None: ...

    def lose(self) -> Exception: ...


async def chunks(microphone: Recording) -> AsyncIterator[bytes]:
    """As the iteration over the microphone; the device's thread wakes the loop."""
    loop, news = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            loop.call_soon_threadsafe(news.set)

    microphone.on_chunk = wake
    try:
        while True:
            news.clear()
            try:
                chunk = microphone.take()
            except queue.Empty:
                await _recorded(microphone, news)
                continue
            if chunk is None:
                return
            yield chunk
    finally:
        if microphone.on_chunk is wake:  # else the next iteration has begun before the end of this one
            microphone.on_chunk = None


async def _recorded(microphone: Recording, news: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(STARVED_S):
            await news.wait()
    except TimeoutError:
        raise microphone.lose() from None
