"""`hushd.AsyncClient`: the face for tasks of the verbs in `hushd.verbs`, with their speech and transcripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Self

from hushd.aio.call import AsyncAudio, AsyncCall, AsyncText, of_audio, of_chunks, of_text
from hushd.aio.steps import OnLoop, run
from hushd.synthesis.speech import IncomingSpeech
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import IncomingTranscript
from hushd.transport.source import Input
from hushd.transport.spool import Piece
from hushd.transport.steps import Await, Step
from hushd.verbs.speech import SpeechVerbs
from hushd.verbs.supervisor import SupervisorVerbs

if TYPE_CHECKING:
    pass


class AsyncSpeech(IncomingSpeech, OnLoop, AsyncIterator[bytes]):
    """As `Speech`: iterated over with `async for`; what waits is awaited. A context manager, whose end cancels.

    When a task that waits for its audio is cancelled, the request is cancelled.

    Attributes: those of `IncomingSpeech`.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    @property
    def rate(self) -> int:
        """Samples a second; 0 until the first piece of audio has come, which `wait` waits for."""
        return self._rate

    @property
    def channels(self) -> int:
        """1 or 2; 0 until the first piece of audio has come."""
        return self._channels

    async def __anext__(self) -> bytes:
        if data := await run(self._following()):
            return data
        raise StopAsyncIteration

    async def pieces(self) -> AsyncIterator[Piece]:
        """As `Speech.pieces`."""
        for index in count():
            piece = await run(self._piece(index))
            if piece is None:
                return
            yield piece

    async def aclose(self) -> None:
        """As `close`, for `contextlib.aclosing`."""
        self.close()

    def _audio(self) -> Iterator[bytes]:
        """The audio, read on the loop, for another thread."""
        loop, pieces = asyncio.get_running_loop(), self.pieces()

        async def read() -> Piece | None:
            return await anext(pieces, None)

        def audio() -> Iterator[bytes]:
            while (piece := asyncio.run_coroutine_threadsafe(read(), loop).result()) is not None:
                yield piece.data

        return audio()


class AsyncTranscription(IncomingTranscript, OnLoop, AsyncIterator[Segment]):
    """As `Transcription`: iterated over with `async for`. A context manager, whose end cancels.

    When the task that waits for a segment is cancelled, the request is cancelled.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def __anext__(self) -> Segment:
        if segment := await run(self._segment()):
            return segment
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """As `close`, for `contextlib.aclosing`."""
        self.close()


AsyncChunks = Iterable[bytes] | AsyncIterable[bytes]


class AsyncClient(
    SpeechVerbs[AsyncText, AsyncAudio, AsyncChunks, AsyncSpeech, AsyncTranscription], SupervisorVerbs, OnLoop
):
    """`Client` for asyncio: the same names and options, to be awaited. A context manager, by `async with`.

    Text, audio and chunks may also come by an asynchronous iterable, and audio by a file whose `read` is awaited; any
    other iterable is read in another thread, since it may block. A request is sent when `synthesize`,
    `transcribe_stream` and `listen` return.

    Many tasks may use it at once. A call takes no thread; a cancelled task's request is cancelled, and its speech falls
    silent. Callbacks are called on the loop. The connection has one thread, which answers the supervisor and receives
    whatever comes even while the loop is blocked. One client serves several loops, one after the other.

    Args: those of `Client`.
    """

    calls = AsyncCall

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # --- what a face is of -------------------------------------------------------------------------------------------

    def _text(self, text: AsyncText) -> Input:
        return of_text(text)

    def _audio(self, audio: AsyncAudio, rate: int | None) -> Step:
        return Await(of_audio(audio, rate))

    def _chunks(self, chunks: AsyncChunks) -> Input:
        return of_chunks(chunks)

    def _speech_class(self) -> type[AsyncSpeech]:
        return AsyncSpeech

    def _transcription_class(self) -> type[AsyncTranscription]:
        return AsyncTranscription
