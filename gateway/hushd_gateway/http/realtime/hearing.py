"""Transcribes one stream of a realtime session by a live request, and waits for its second pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from hushd.transcripts import precedence
from hushd_protocol.errors import HushdError

from .backlog import MEMORY, Backlog
from .turns import Event, Stream

if TYPE_CHECKING:
    from hushd.aio.transcription import AsyncTranscription
    from hushd.transcripts.second_pass_plan import Revision
    from hushd_schema.transcript import LiveEvent


SAMPLE = 2  # bytes

Post = Callable[[Iterable[Event]], None]


class _GaveWayError(Exception):
    """The stream was refused, but may be accepted soon."""


class Hearing:
    """One stream of sound, transcribed while it arrives.

    Args:
        listen: starts the request for an iterator of samples: `AsyncClient.listen` with its options.
        rate: of the samples, in Hz.
        stream: makes items and events of the transcript.
        post: sends events.
        left_as_heard: called with the reason if a part gets no second pass.
        vad: whether turns are detected.

    Attributes:
        task: transcribes the stream.
        copying: waits for the second pass afterwards, if there is one.
    """

    def __init__(
        self,
        listen: Callable[..., Any],
        rate: int,
        stream: Stream,
        post: Post,
        left_as_heard: Callable[[HushdError], None],
        *,
        vad: bool,
    ) -> None:
        self._listen = listen
        self._rate = rate
        self._post = post
        self._left_as_heard = left_as_heard
        self._waiting = Backlog()
        self._sent: list[bytes] | None = []  # pieces sent that no worker may have yet; None once one has
        self._attempt = 0  # number of the current request
        self._more = asyncio.Event()  # a piece waits, or the sound has ended
        self._room = asyncio.Event()  # a piece was taken
        self._closed = self._cleared = False
        self._total = 0  # bytes so far
        self.stream = stream
        self.vad = vad
        self.copying: asyncio.Task[None] | None = None
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
        """Ends the request; second passes of complete turns are still sent."""
        self._cleared = True
        self.task.cancel()

    def end(self) -> list[asyncio.Task[None]]:
        """Cancels everything, since the program has left; returns the tasks to wait for."""
        self._cleared = False
        tasks = [self.task, *([self.copying] if self.copying else [])]
        for task in tasks:
            task.cancel()
        return tasks

    async def _run(self) -> None:
        waited_s = 0.0
        try:
            while True:
                try:
                    await self._hear(waited_s)
                    self._post(self.stream.ended(self.seconds))
                except _GaveWayError:
                    await asyncio.sleep(precedence.AGAIN_S)
                    waited_s += precedence.AGAIN_S
                except HushdError as error:
                    self._post(self.stream.ended(self.seconds, error))
                    return
                else:
                    return
        finally:
            precedence.go_on()
            self._waiting.clear()
            self._room.set()

    async def _hear(self, waited_s: float) -> None:
        """Transcribes all of the sound.

        Raises:
            _GaveWayError: a second pass holds the memory and is about to give way; all of the sound waits again.
        """
        transcription: AsyncTranscription | None = None
        self._sent = []
        try:
            transcription = await self._listen(
                self._chunks(), on_partial=self._on_partial, on_event=self._on_event, on_revised=self._on_revised
            )
            async with aclosing(transcription):
                async for segment in transcription:
                    self._post(self.stream.segment(segment))
        except HushdError as error:
            if self._sent is None or not precedence.given(error, waited_s):
                raise
            self._take_back(self._sent)
            transcription = None
            raise _GaveWayError from error
        except asyncio.CancelledError:
            if transcription and transcription.second_pass and not self._cleared:
                transcription.second_pass.close()
                transcription = None
            raise
        finally:
            if transcription and transcription.second_pass:
                self.copying = asyncio.create_task(self._copy(transcription))

    def _give(self, piece: bytes) -> None:
        """Keeps a piece that was sent to the request; past `MEMORY` a worker surely has it, and none are kept."""
        if self._sent is not None:
            self._sent.append(piece)
            if sum(map(len, self._sent)) > MEMORY:
                self._sent = None

    def _take_back(self, pieces: list[bytes]) -> None:
        """Puts these pieces back at the front of the queue."""
        self._attempt += 1
        self._waiting.put_back(pieces)
        self._more.set()

    async def _copy(self, transcription: AsyncTranscription) -> None:
        try:
            await transcription.after_second_pass()
        except HushdError as error:
            self._left_as_heard(HushdError(error.code, f"{error.message} The text stays as it was heard."))

    async def _chunks(self) -> AsyncIterator[bytes]:
        attempt = self._attempt
        while True:
            await self._more.wait()
            if attempt != self._attempt:
                return  # the request has ended, and the next one gets the remaining pieces
            while self._waiting:
                piece = self._waiting.take()
                self._give(piece)
                self._room.set()
                yield piece
                if attempt != self._attempt:
                    return
            if self._closed:
                return
            self._more.clear()

    def _on_partial(self, stable: str, text: str) -> None:
        self._post(self.stream.partial(stable, text))

    def _on_revised(self, revision: Revision) -> None:
        self._post(self.stream.revised(revision))

    def _on_event(self, kind: str, data: LiveEvent) -> None:
        self._sent = None
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
