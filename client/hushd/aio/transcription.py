"""A transcript while it is made, for tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Self

from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd.transcripts.transcription import IncomingTranscript

from .retry import AsyncRetryingCall


class AsyncTranscription(IncomingTranscript, AsyncIterator[Segment]):
    """As `Transcription`: iterated over with `async for`. A context manager, whose end cancels.

    When the task that waits for a segment is cancelled, the request is cancelled.
    """

    def __init__(
        self,
        call: AsyncRetryingCall,
        on_progress: Callable[[float, float], None] | None = None,
        on_partial: Callable[[str, str], None] | None = None,
        on_event: Callable[[str, dict[str, Any]], None] | None = None,
        *,
        diarized: bool = False,
    ) -> None:
        super().__init__(on_progress, on_partial, on_event, diarized=diarized)
        self._call = call

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def __anext__(self) -> Segment:
        async for message in self._call:
            segment = self._take(message)
            if segment is not None:
                return segment
        raise StopAsyncIteration

    async def transcript(self) -> Transcript:
        """As `Transcription.transcript`."""
        return self._transcript(tuple([segment async for segment in self]))

    def close(self) -> None:
        """Cancels the request, unless it has ended."""
        self._call.close()

    async def aclose(self) -> None:
        """As `close`, for `contextlib.aclosing`."""
        self.close()
