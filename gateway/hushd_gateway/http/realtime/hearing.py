"""Transcribes one stream of a realtime session by a live request."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from hushd.transport.spool import Place, Store
from hushd_protocol.errors import HushdError

from .turns import Event, Stream

if TYPE_CHECKING:
    from hushd_schema.results import LiveEvent

SAMPLE = 2  # bytes

Post = Callable[[Iterable[Event]], None]


class Hearing:
    """One stream of sound, transcribed while it arrives.

    Args:
        listen: starts the request for an iterator of samples: `AsyncClient.listen` with its options.
        rate: of the samples, in Hz.
        stream: makes items and events of the transcript.
        post: sends events.
        vad: whether turns are detected.

    Attributes:
        task: transcribes the stream.
    """

    def __init__(
        self,
        listen: Callable[..., Any],
        rate: int,
        stream: Stream,
        post: Post,
        *,
        vad: bool,
    ) -> None:
        self._listen = listen
        self._rate = rate
        self._post = post
        self._waiting = Backlog()
        self._more = asyncio.Event()  # a piece waits, or the sound has ended
        self._room = asyncio.Event()  # a piece was taken
        self._closed = False
        self._total = 0  # bytes so far
        self.stream = stream
        self.vad = vad
        self.task = asyncio.create_task(self._run())

    @property
    def seconds(self) -> float:
        """The seconds of sound so far."""
        return self._total / (SAMPLE * self._rate)

    async def add(self, samples: bytes) -> None:
        """Adds s16le samples; waits while there is no room, so that the program waits too."""
        self._total += len(samples)
        while not self.task.done() and not self._waiting.add(samples):
            self._room.clear()
            await self._room.wait()
        self._more.set()

    def close(self) -> None:
        """Ends the sound; the speech so far is still transcribed."""
        self._closed = True
        self._more.set()

    def clear(self) -> None:
        """Ends the request."""
        self.task.cancel()

    async def _run(self) -> None:
        try:
            transcription = await self._listen(self._chunks(), on_partial=self._on_partial, on_event=self._on_event)
            async with aclosing(transcription):
                async for segment in transcription:
                    self._post(self.stream.segment(segment))
            self._post(self.stream.ended(self.seconds))
        except HushdError as error:
            self._post(self.stream.ended(self.seconds, error))
        finally:
            self._waiting.clear()
            self._room.set()

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            await self._more.wait()
            while self._waiting:
                piece = self._waiting.take()
                self._room.set()
                yield piece
            if self._closed:
                return
            self._more.clear()

    def _on_partial(self, stable: str, text: str) -> None:
        self._post(self.stream.partial(stable, text))

    def _on_event(self, kind: str, data: LiveEvent) -> None:
        if kind == "began":
            self._post(self.stream.began(float(data.get("start") or 0.0)))
        elif kind == "ended":
            self._post(self.stream.finished())
        elif kind == "nothing":
            self._post(self.stream.nothing(self.seconds))
        elif kind == "speaker":
            self._post(self.stream.speaks(data.get("speaker", "")))
        elif kind == "revised":
            self._post(self.stream.renamed(data.get("segments", []), data.get("speaker", "")))


MEMORY = 1024 * 1024  # bytes: 20 s of 24 kHz
FILE = 256 * 1024 * 1024  # bytes: an hour and a half


class Backlog:
    """A queue of pieces of sound."""

    def __init__(self) -> None:
        self._pieces: deque[bytes | Place] = deque()
        self._size = 0  # bytes
        self._store = Store("sound", MEMORY)

    def __len__(self) -> int:
        """The number of pieces."""
        return len(self._pieces)

    def add(self, piece: bytes) -> bool:
        """Adds a piece; returns whether there was room for it."""
        if self._size + len(piece) > MEMORY + FILE:
            return False
        with suppress(HushdError):  # the disk is full; there is room in memory once the worker has taken some
            self._pieces.append(self._store.put(piece))
            self._size += len(piece)
            return True
        return False

    def take(self) -> bytes:
        """Removes and returns the first piece.

        Raises:
            HushdError: `output_failed` if the file cannot be read; then nothing is left.
        """
        try:
            data = self._store.take(self._pieces.popleft())
        except HushdError:
            self.clear()
            raise
        self._size -= len(data)
        return data

    def clear(self) -> None:
        """Drops all pieces, and the file."""
        self._pieces.clear()
        self._size = 0
        self._store.close()
        self._store = Store("sound", MEMORY)
