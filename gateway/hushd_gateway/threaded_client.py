"""`Client` for asyncio: each step of a call runs on a thread, until there is a client that needs none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import hushd

_END = object()
# A thread waits for the next part of each call. asyncio's own pool has six on two cores: a seventh call would wait for
# another to end.
_THREADS = ThreadPoolExecutor(256, "hushd-gateway")


async def _in_thread(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, partial(call, *arguments, **options))


class ThreadedStream:
    """A blocking iterator, `Speech` or `Transcription`, as an asynchronous one; all else of it is as it is."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __aiter__(self) -> ThreadedStream:
        return self

    async def __anext__(self) -> Any:
        value = await _in_thread(next, self._stream, _END)
        if value is _END:
            raise StopAsyncIteration
        return value

    async def aclose(self) -> None:
        """Cancels what is not done yet."""
        self._stream.close()

    async def transcript(self) -> Any:
        """Waits for the whole transcript."""
        return await _in_thread(self._stream.transcript)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class ThreadedClient:
    """The methods of `Client` that the gateway needs, with its names and options."""

    def __init__(self, **options: Any) -> None:
        self._client = hushd.Client(**options)

    async def __aenter__(self) -> ThreadedClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.close()

    async def describe(self, *roles: str) -> dict[str, Any]:
        """As `Client.describe`."""
        catalogues: dict[str, Any] = await _in_thread(self._client.describe, *roles)
        return catalogues

    async def status(self) -> dict[str, Any]:
        """As `Client.status`."""
        found: dict[str, Any] = await _in_thread(self._client.status)
        return found

    async def preload(self, *workers: str, **options: Any) -> None:
        """As `Client.preload`."""
        await _in_thread(self._client.preload, *workers, **options)

    async def synthesize(self, *arguments: Any, **options: Any) -> ThreadedStream:
        """As `Client.synthesize`."""
        return ThreadedStream(await _in_thread(self._client.synthesize, *arguments, **options))

    async def transcribe_stream(self, *arguments: Any, **options: Any) -> ThreadedStream:
        """As `Client.transcribe_stream`."""
        return ThreadedStream(await _in_thread(self._client.transcribe_stream, *arguments, **options))

    async def listen(self, chunks: AsyncIterator[Any], **options: Any) -> ThreadedStream:
        """As `Client.listen`; callbacks run on the loop."""
        loop = asyncio.get_running_loop()

        def source() -> Iterator[Any]:
            iterator = aiter(chunks)
            while True:
                try:
                    yield asyncio.run_coroutine_threadsafe(_next(iterator), loop).result()
                except StopAsyncIteration:
                    return

        def on_loop(callback: Callable[..., object]) -> Callable[..., object]:
            return lambda *values: loop.call_soon_threadsafe(callback, *values)

        options |= {name: on_loop(options[name]) for name in ("on_partial", "on_event") if options.get(name)}
        return ThreadedStream(await _in_thread(self._client.listen, source(), **options))


async def _next(iterator: AsyncIterator[Any]) -> Any:
    return await anext(iterator)
