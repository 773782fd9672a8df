"""Speech to text, and the choice of its model, for tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Unpack

from hushd.audio.source import is_array
from hushd.transport.source import Input

from . import source
from .management import AsyncManagement
from .source import AsyncAudio
from .steps import run
from .transcription import AsyncTranscription

if TYPE_CHECKING:
    from hushd.exchange.options import ListenOptions, TranscriptionOptions
    from hushd.models.choice import ModelChoice
    from hushd.transcripts.second_pass import OnRevised, Reading, SecondPass
    from hushd.transcripts.second_pass_plan import Revision
    from hushd.transcripts.transcript import Transcript

AsyncChunks = Iterable[bytes] | AsyncIterable[bytes]


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
            on_revised: called on the loop.
        """

        def stream(second: SecondPass | None) -> Input:
            return source.of_chunks(_heard(second, chunks) if second else chunks)

        return await run(self._session(lambda: AsyncTranscription, stream, **options))

    def _reader(self, on_revised: OnRevised | None) -> tuple[Callable[..., Reading], OnRevised]:
        from hushd.client import Client

        return Client.on(self.link, None).transcribe_stream, _on_loop(on_revised)  # on the same connection

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


def _on_loop(on_revised: OnRevised | None) -> OnRevised:
    """Returns a callback for the second pass's thread, which has the loop of now call `on_revised`."""
    loop = asyncio.get_running_loop()

    def report(revision: Revision) -> None:
        if on_revised and not loop.is_closed():
            loop.call_soon_threadsafe(on_revised, revision)

    return report


def _heard(
    second: SecondPass, chunks: Iterable[bytes] | AsyncIterable[bytes]
) -> Iterable[bytes] | AsyncIterable[bytes]:
    """Returns the session's sound, which `second` keeps, too."""
    if not isinstance(chunks, AsyncIterable):
        return second.hear(chunks)

    async def kept() -> AsyncIterator[bytes]:
        async for chunk in chunks:
            second.add(chunk)
            yield chunk

    return kept()
