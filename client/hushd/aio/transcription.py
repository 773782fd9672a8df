"""A transcript while it is made, for tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Self

from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd.transcripts.transcription import IncomingTranscript

from .steps import run


class AsyncTranscription(IncomingTranscript, AsyncIterator[Segment]):
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

    async def transcript(self) -> Transcript:
        """As `Transcription.transcript`."""
        return self._transcript(self.revised([segment async for segment in self]))

    async def aclose(self) -> None:
        """As `close`, for `contextlib.aclosing`."""
        self.close()
