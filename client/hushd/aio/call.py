"""Requests of tasks: their input, which may come by an asynchronous iterable, and their answers."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from inspect import iscoroutinefunction
from typing import Any, Protocol, cast

from hushd_protocol.limits import MAX_PAYLOAD
from hushd_protocol.messages import Control, Message, Request

from hushd.audio import audio_source
from hushd.audio.audio_source import Audio
from hushd.transport import source
from hushd.transport.call import Call, CallEndedError
from hushd.transport.source import REPLAY_BYTES, File, Input, Replayed, Text


class AsyncFile(Protocol):
    """A binary file whose `read` is awaited, such as `asyncio.StreamReader` and an upload of a web framework."""

    async def read(self, size: int, /) -> bytes: ...


AsyncText = Text | AsyncIterable[str] | AsyncIterable[bytes]


class AsyncStream(Replayed):
    """A `hushd.transport.source.Stream` of an asynchronous iterable."""

    def __init__(self, pieces: AsyncIterable[bytes], room: int = REPLAY_BYTES) -> None:
        super().__init__(room)
        self._iterator = aiter(pieces)
        self._reading: asyncio.Task[bytes | None] | None = None

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
        piece = self.at(position)
        if piece is not None:
            return piece
        if self._reading is None or self._reading.done():
            self._reading = asyncio.ensure_future(self._read())
        # A task of its own, so that the end of one attempt leaves the piece to the next one.
        reading = self._reading
        await asyncio.wait([reading])
        piece = reading.result()
        return self.at(position) if piece is None else piece

    async def _read(self) -> bytes | None:
        """Reads the next piece; None at the end, or after an error, which is kept."""
        try:
            return self.add(await anext(self._iterator, None))
        except Exception as error:
            self.fail(error)
            return None


AsyncAudio = Audio | AsyncIterable[bytes] | AsyncFile


async def of_audio(audio: AsyncAudio, rate: int | None) -> Input:
    """Does as `audio_source.of_audio`; takes asynchronous iterables too, and files whose `read` is awaited."""
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


def of_text(text: AsyncText) -> Input:
    """Does as `hushd.transport.source.of_text`; takes asynchronous iterables too."""
    return AsyncStream(_encoded(text)) if isinstance(text, AsyncIterable) else source.of_text(text)


def of_chunks(chunks: Iterable[bytes] | AsyncIterable[bytes], room: int = REPLAY_BYTES) -> Input:
    """Live audio; `room` as in `Replayed`."""
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


class AsyncCall(Call):
    """A `Call`; the methods below are for tasks of the loop in which it was made, all others for any thread."""

    def __init__(self, message: Request | Control, post: Callable[[Message], None]) -> None:
        super().__init__(message, post)
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()  # a message, credit, or the end
        self._waking = False
        self._feeding: asyncio.Task[None] | None = None

    async def next_message(self) -> Message:
        """Returns the next message, as `get` does."""
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
            super().send_input(source)  # this runs in a thread: it may wait

    def feed(self, pieces: AsyncIterator[bytes]) -> None:
        """Starts sending `pieces` from a task, as the worker grants credit. As `send_input`, but for the thread."""
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
        if not self._waking:  # a loop that is waking has yet to look
            self._waking = True
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                self._loop.call_soon_threadsafe(self._on_news)

    def _on_news(self) -> None:
        self._waking = False
        self._news.set()
        if self._feeding and self.ended:
            self._feeding.cancel()
