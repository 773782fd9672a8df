"""Waiting for words in asyncio tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Self

from hushd.aio.steps import long_step, run

from .detection import Detection, IncomingDetections
from .heard import Heard, Wake


class AsyncDetections(IncomingDetections, AsyncIterator[Detection]):
    """Like `Detections`, for `async for`."""

    async def __anext__(self) -> Detection:
        if detection := await run(self._next()):
            return detection
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Stops waiting; for `contextlib.aclosing`."""
        self.close()


class AsyncWake(AsyncIterator[Heard]):
    """Like `Wake`, for `async for` and `async with`; a thread waits for each word. A cancelled task closes it."""

    def __init__(self, wake: Wake) -> None:
        self._wake = wake

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def __anext__(self) -> Heard:
        heard: Heard | None = await long_step(partial(next, self._wake, None), stop=self._wake.close)
        if heard is None:
            raise StopAsyncIteration
        return heard

    async def aclose(self) -> None:
        """Closes the microphone and stops waiting."""
        self._wake.close()
