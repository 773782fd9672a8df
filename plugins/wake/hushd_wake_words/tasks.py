"""Waiting for words in asyncio tasks."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Self, Unpack

from hushd.aio.call import of_chunks
from hushd.aio.steps import long_step, run
from hushd.client import Client

from .detection import Detection, IncomingDetections, detect_request
from .heard import Heard, Wake, wake

if TYPE_CHECKING:
    from hushd.aio.client import AsyncClient

    from .detection import DetectOptions


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


async def detect_async(
    client: AsyncClient,
    chunks: Iterable[bytes] | AsyncIterable[bytes],
    *words: str,
    **options: Unpack[DetectOptions],
) -> AsyncDetections:
    """As `detect`; the request is sent when this returns."""
    request = detect_request(words, **options)
    return AsyncDetections(await run(client._send(request, of_chunks(chunks, room=0))))


def wake_async(
    client: AsyncClient,
    *words: str,
    device: str | int | None = None,
    on_wait: Callable[[str], None] | None = None,
    **options: Any,
) -> AsyncWake:
    """As `wake`, by `async for`; pass `sound` to `AsyncClient.listen`."""
    return AsyncWake(wake(Client.on(client.link, None), *words, device=device, on_wait=on_wait, **options))
