"""Speech and transcripts while they are made, for tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import Self

from hushd.synthesis.speech import IncomingSpeech
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import IncomingTranscript
from hushd.transport.spool import Piece

from .steps import OnLoop, run


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
