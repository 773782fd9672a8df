"""Transcribes one stream of a realtime session by a live request."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from hushd_models.choice import recommendation
from hushd_protocol.errors import HushdError

from .turns import Event, HeardStream

if TYPE_CHECKING:
    from hushd_schema.results import LiveEvent

    from hushd_gateway.routing import Model

SAMPLE = 2  # bytes
MAX_WAITING_BYTES = 32 * 1024 * 1024  # bytes of sound that wait for the worker: eleven minutes of 24 kHz

Post = Callable[[Iterable[Event]], None]


class Hearing:
    """One stream of sound, transcribed while it arrives.

    Args:
        listen: starts the request for an iterator of samples: `AsyncClient.listen` with its options.
        rate: of the samples, in Hz.
        stream: makes items and events of the transcript.
        choose: returns the model; whatever it raises fails the hearing.
        alone: returns whether a model knows one language only.

    Attributes:
        failed: whether the hearing has failed for all further sound: a turn that the program commits has lost its
            beginning, or another hearing would be refused, too.
    """

    def __init__(
        self,
        listen: Callable[..., Any],
        rate: int,
        stream: HeardStream,
        post: Post,
        *,
        vad: bool,
        choose: Callable[[], Awaitable[Model]],
        alone: Callable[[Model], bool],
    ) -> None:
        self._listen = listen
        self._rate = rate
        self._choose = choose
        self._alone = alone
        self._post = post
        self._waiting: deque[bytes] = deque()
        self._size = 0  # bytes that wait
        self._more = asyncio.Event()  # a piece waits, or the sound has ended
        self._room = asyncio.Event()  # a piece was taken
        self._closed = False
        self._total = 0  # bytes so far
        self.stream = stream
        self.vad = vad
        self.failed = False
        self.task = asyncio.create_task(self._run())

    @property
    def seconds(self) -> float:
        """The seconds of sound so far."""
        return self._total / (SAMPLE * self._rate)

    async def add(self, samples: bytes) -> None:
        """Adds s16le samples; waits while there is no room, so that the program waits too."""
        self._total += len(samples)
        while not self.task.done() and self._size > MAX_WAITING_BYTES:
            self._room.clear()
            await self._room.wait()
        if not self.task.done():
            self._waiting.append(samples)
            self._size += len(samples)
            self._more.set()

    def close(self) -> None:
        """Ends the sound; the speech so far is still transcribed."""
        self._closed = True
        self._more.set()

    def clear(self) -> None:
        self.task.cancel()

    async def _run(self) -> None:
        try:
            model = await self._choose()
            told = {"on_partial": self._on_partial, "on_event": self._on_event}
            transcription = await self._listen(self._chunks(), **model._asdict(), **told)
            transcription.wait_for_verdict()  # a finished turn cannot be marked later
            async with aclosing(transcription):
                async for segment in transcription:
                    if segment.unlikely and self._alone(model):
                        self.stream.advice = await asyncio.to_thread(recommendation.for_others)
                    self._post(self.stream.segment(segment))
            self._post(self.stream.ended(self.seconds))
        except HushdError as error:
            self.failed = not (self.vad and error.retryable)
            self._post(self.stream.ended(self.seconds, error))
        finally:
            self._waiting.clear()
            self._room.set()

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            await self._more.wait()
            while self._waiting:
                piece = self._waiting.popleft()
                self._size -= len(piece)
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
