"""The input of a request that comes by an asynchronous iterable."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import suppress
from inspect import iscoroutinefunction
from typing import Any, Protocol, cast

from hushd_protocol.limits import MAX_PAYLOAD

from hushd.audio import source as audio_source
from hushd.audio.source import Audio
from hushd.transport import source
from hushd.transport.source import REPLAY_BYTES, Input, ReplayBuffer, Source, Text


class AsyncFile(Protocol):
    """A binary file whose `read` is awaited, such as `asyncio.StreamReader` and an upload of a web framework."""

    async def read(self, size: int, /) -> bytes: ...


AsyncAudio = Audio | AsyncIterable[bytes] | AsyncFile
AsyncText = Text | AsyncIterable[str] | AsyncIterable[bytes]


class AsyncStream(Input):
    """As `hushd.transport.source.Stream`, of an asynchronous iterable."""

    def __init__(self, pieces: AsyncIterable[bytes], room: int = REPLAY_BYTES) -> None:
        self._iterator = aiter(pieces)
        self._replay = ReplayBuffer(room)
        self._reading: asyncio.Task[bytes | None] | None = None

    @property
    def whole(self) -> bool:
        return self._replay.whole

    def fields(self) -> dict[str, Any]:
        return {"input": "stream"}

    async def pieces(self) -> AsyncIterator[bytes]:
        position = 0
        while (piece := await self._piece(position)) is not None:
            position += 1
            yield piece

    def close(self) -> None:
        """Stops reading: a generator is ended where it waits. Safe on any thread."""
        if self._reading:
            with suppress(RuntimeError):  # the loop is closed
                self._reading.get_loop().call_soon_threadsafe(self._reading.cancel)

    async def _piece(self, position: int) -> bytes | None:
        piece = self._replay.at(position)
        if piece is not None:
            return piece
        if self._reading is None or self._reading.done():
            self._reading = asyncio.ensure_future(self._read())
        # A task of its own, so that the end of one attempt leaves the piece to the next one.
        reading = self._reading
        await asyncio.wait([reading])
        piece = reading.result()
        return self._replay.at(position) if piece is None else piece

    async def _read(self) -> bytes | None:
        """Reads the next piece; None at the end, or after an error, which is kept."""
        try:
            return self._replay.add(await anext(self._iterator, None))
        except Exception as error:
            self._replay.fail(error)
            return None


async def of_audio(audio: AsyncAudio, rate: int | None) -> Source | AsyncStream:
    """As `hushd.audio.source.of_audio`; also of asynchronous iterables, and of files whose `read` is awaited."""
    if iscoroutinefunction(read := getattr(audio, "read", None)):
        return AsyncStream(_blocks(read))
    if isinstance(audio, AsyncIterable):
        return AsyncStream(audio)
    if read and _is_on_disk(audio):
        return AsyncStream(from_disk(iter(lambda: read(MAX_PAYLOAD), b"")))
    if isinstance(audio, bytes):
        return audio_source.of_audio(audio)
    # It looks at the file, or at all samples of an array.
    return await asyncio.to_thread(audio_source.of_audio, cast(Audio, audio), rate)


def of_text(text: AsyncText) -> Source | AsyncStream:
    """As `hushd.transport.source.of_text`; also of asynchronous iterables."""
    return AsyncStream(_encoded(text)) if isinstance(text, AsyncIterable) else source.of_text(text)


def of_chunks(chunks: Iterable[bytes] | AsyncIterable[bytes], room: int = REPLAY_BYTES) -> Source | AsyncStream:
    """Live audio; `room` as in `ReplayBuffer`."""
    return AsyncStream(chunks, room) if isinstance(chunks, AsyncIterable) else source.Stream(chunks, room)


async def in_memory(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yields pieces for which nobody has to wait."""
    for piece in pieces:
        yield piece


async def from_disk(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yields pieces of a file, each of which a thread reads."""
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece


async def _blocks(read: Any) -> AsyncIterator[bytes]:
    while piece := await read(MAX_PAYLOAD):
        yield piece


async def _encoded(text: AsyncIterable[str] | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    async for piece in text:
        yield source.utf8(piece) if isinstance(piece, str) else piece


def _is_on_disk(file: Any) -> bool:
    """Returns whether it is an open regular file, of which a read soon returns."""
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except (AttributeError, OSError, ValueError):
        return False
