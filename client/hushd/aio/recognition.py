"""Speech to text, the choice of its model, and a transcript while it is made, for tasks."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from typing import TYPE_CHECKING, Self, Unpack

from hushd.audio.source import is_array
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd.transcripts.transcription import IncomingTranscript

from . import source
from .management import AsyncManagement
from .source import AsyncAudio
from .steps import run

if TYPE_CHECKING:
    from hushd.exchange.options import ListenOptions, TranscriptionOptions, WorkerOptions
    from hushd.models.choice import ModelChoice
    from hushd.transcripts.transcript import Transcript

AsyncChunks = Iterable[bytes] | AsyncIterable[bytes]


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


class AsyncRecognition(AsyncManagement):
    """Transcribes recordings and live audio; a base of `hushd.AsyncClient`, as `Recognition` is of `hushd.Client`."""

    async def transcribe(self, audio: AsyncAudio, **options: Unpack[TranscriptionOptions]) -> Transcript:
        """As `Client.transcribe`. Arguments: those of `transcribe_stream`."""
        return await (await self.transcribe_stream(audio, **options)).transcript()

    async def transcribe_stream(self, audio: AsyncAudio, **options: Unpack[TranscriptionOptions]) -> AsyncTranscription:
        """As `Client.transcribe_stream`; the request is sent when this returns.

        Args:
            audio: as there, or an asynchronous iterable of bytes, or a file whose `read` is awaited. Any other iterable
                is read in another thread, since it may block.
        """
        input = await source.of_audio(audio, options.get("rate"))
        return await run(self._transcription(lambda: AsyncTranscription, input, is_array=is_array(audio), **options))

    async def listen(self, chunks: AsyncChunks, **options: Unpack[ListenOptions]) -> AsyncTranscription:
        """As `Client.listen`; the request is sent when this returns.

        Args:
            chunks: s16le samples as they are recorded: an asynchronous iterable, or another one, such as a
                `Microphone`, which is read in another thread.
        """
        return await run(self._session(lambda: AsyncTranscription, source.of_chunks(chunks), **options))

    async def voiceprints(
        self, recordings: Mapping[str, AsyncAudio] | None = None, **options: Unpack[WorkerOptions]
    ) -> dict[str, str]:
        """As `Client.voiceprints`."""
        from hushd.transcripts import known_speakers

        return {
            name: known_speakers.voiceprint(
                name, await self.transcribe(audio, diarize=True, voiceprints=True, **options)
            )
            for name, audio in (known_speakers.configured() if recordings is None else recordings).items()
        }

    async def choose_model(
        self,
        language: str | None = None,
        *,
        speed: str | None = None,
        engine: str | None = None,
        translate: bool = False,
    ) -> ModelChoice:
        """As `Client.choose_model`."""
        return await run(self._preparation.choose_model(language, speed, engine, translate))

    async def find_model(self, name: str) -> tuple[str, str]:
        """As `Client.find_model`."""
        return await run(self._preparation.find_model(name))
