"""Detects wake words in streamed audio: Wyoming's `detect`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from hushd import AsyncClient
from hushd.verbs.base import needed
from hushd_schema.description import MAX_WORDS
from wyoming.event import Eventable
from wyoming.wake import Detection, NotDetected

from .recording import Format, format_of, sixteen_bits

WAITING = 256 * 1024  # bytes that may wait for the worker, 8 s at 16 kHz; then the program waits too


class Waiting:
    """A stream of audio in which words are detected.

    Args:
        data: the data of the event `detect`.
        send: sends an event to the program.
    """

    def __init__(self, data: Mapping[str, Any], send: Callable[[Eventable], Awaitable[None]]) -> None:
        names = data.get("names")
        self.names = [name for name in names if isinstance(name, str)][:MAX_WORDS] if isinstance(names, list) else []
        self._send = send
        self._format = Format()
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._held = 0  # bytes of the waiting pieces
        self._taken = asyncio.Event()
        self._began: int | None = None  # ms: the program's timestamp of the first chunk

    def begin(self, data: Mapping[str, Any]) -> None:
        """Sets the audio's format; raises as `format_of`."""
        self._format = format_of(data, self._format, begun=self._began is not None)

    async def add(self, data: Mapping[str, Any], samples: bytes) -> None:
        """Adds a chunk; waits while the worker is behind. Raises as `format_of`."""
        self.begin(data)
        if self._began is None:
            stamp = data.get("timestamp")
            self._began = stamp if type(stamp) is int else 0
        while self._held >= WAITING:
            self._taken.clear()
            await self._taken.wait()
        chunk = sixteen_bits(samples, self._format.width)
        self._held += len(chunk)
        self._chunks.put_nowait(chunk)

    def end(self) -> None:
        """Marks the end of the audio."""
        self._chunks.put_nowait(None)

    async def run(self, client: AsyncClient, engine: str, words: Sequence[str]) -> None:
        """Sends a `detection` for each word, or `not-detected` if there was none by the end.

        Raises:
            HushdError: a word that the engine does not know, or another refusal of the worker.
        """
        first = await self._chunks.get()
        some = False
        if first is not None:
            format = self._format
            detections = await needed("detect_async", "wake")(
                client, self._samples(first), *words, rate=format.rate, channels=format.channels, engine=engine
            )
            async with aclosing(detections):
                async for detection in detections:
                    some = True
                    at = (self._began or 0) + round(detection.at * 1000)
                    await self._send(Detection(name=detection.name, timestamp=at))
        if not some:
            await self._send(NotDetected())

    async def _samples(self, chunk: bytes | None) -> AsyncIterator[bytes]:
        while chunk is not None:
            yield chunk
            self._held -= len(chunk)
            self._taken.set()
            chunk = await self._chunks.get()
