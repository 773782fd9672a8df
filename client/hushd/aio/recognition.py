"""Speech to text, and the choice of its model, for tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Unpack

from hushd_schema.operations.transcribe import TranscribeOptions

from hushd.audio.source import is_array
from hushd.transcripts.options import live_params, transcribe_params, with_former_names
from hushd.transport.requests import KeepAlive

from . import source
from .management import AsyncManagement
from .source import AsyncAudio
from .steps import run
from .transcription import AsyncTranscription

if TYPE_CHECKING:
    from hushd_schema.transcript import OnEvent

    from hushd.models.choice import ModelChoice
    from hushd.transcripts.second_pass import OnRevised, SecondPass
    from hushd.transcripts.second_pass_plan import Each, Revision
    from hushd.transcripts.transcript import Transcript

AsyncChunks = Iterable[bytes] | AsyncIterable[bytes]


class AsyncRecognition(AsyncManagement):
    """Transcribes recordings and live audio; a base of `hushd.AsyncClient`, as `Recognition` is of `hushd.Client`."""

    async def transcribe(
        self,
        audio: AsyncAudio,
        *,
        rate: int | None = None,
        channels: int = 1,
        engine: str | None = None,
        model: str | None = None,
        speed: str | None = None,
        keep_alive: KeepAlive = None,
        priority: str = "text",
        deadline: float | None = None,
        on_progress: Callable[[float, float], None] | None = None,
        **options: Unpack[TranscribeOptions],
    ) -> Transcript:
        """As `Client.transcribe`. Arguments: those of `transcribe_stream`."""
        transcription = await self.transcribe_stream(
            audio,
            rate=rate,
            channels=channels,
            engine=engine,
            model=model,
            speed=speed,
            keep_alive=keep_alive,
            priority=priority,
            deadline=deadline,
            on_progress=on_progress,
            **options,
        )
        return await transcription.transcript()

    async def transcribe_stream(
        self,
        audio: AsyncAudio,
        *,
        rate: int | None = None,
        channels: int = 1,
        engine: str | None = None,
        model: str | None = None,
        speed: str | None = None,
        keep_alive: KeepAlive = None,
        priority: str = "text",
        deadline: float | None = None,
        on_progress: Callable[[float, float], None] | None = None,
        **options: Unpack[TranscribeOptions],
    ) -> AsyncTranscription:
        """As `Client.transcribe_stream`; the request is sent when this returns.

        Args:
            audio: as there, or an asynchronous iterable of bytes, or a file whose `read` is awaited. Any other iterable
                is read in another thread, since it may block.
        """
        params = transcribe_params(options)
        input = await source.of_audio(audio, rate)
        if rate is not None and not is_array(audio):
            params |= {"format": "s16le", "rate": rate, "channels": channels}
        request = await run(
            self._preparation.transcription(params, speed, engine, model, keep_alive, priority, deadline)
        )
        call = await run(self._send(request, input))
        return AsyncTranscription(call, on_progress, diarized=bool(options.get("diarize")))

    async def listen(
        self,
        chunks: AsyncChunks,
        *,
        rate: int = 16000,
        channels: int = 1,
        continuous: bool = False,
        silence_s: float = 0.8,
        turn_end: str = "silence",
        until: str | None = None,
        no_speech_s: float | None = None,
        engine: str | None = None,
        model: str | None = None,
        speed: str | None = None,
        keep_alive: KeepAlive = None,
        priority: str = "text",
        echo: bool = False,
        second_pass: str | None = None,
        second_pass_each: Each = "utterance",
        second_pass_options: TranscribeOptions | None = None,
        on_partial: Callable[[str, str], None] | None = None,
        on_event: OnEvent | None = None,
        on_revised: OnRevised | None = None,
        **options: Unpack[TranscribeOptions],
    ) -> AsyncTranscription:
        """As `Client.listen`; the request is sent when this returns.

        Args:
            chunks: s16le samples as they are recorded: an asynchronous iterable, or another one, such as a
                `Microphone`, which is read in another thread.
            on_revised: called on the loop.
        """
        second_pass, second_pass_each, second_pass_options = with_former_names(
            options, second_pass, second_pass_each, second_pass_options
        )
        params = live_params(
            options, rate=rate, channels=channels, continuous=continuous, silence_s=silence_s, turn_end=turn_end,
            until=until, no_speech_s=no_speech_s, echo=echo,
        )  # fmt: skip
        request = await run(
            self._preparation.transcription(params, speed or "fast", engine, model, keep_alive, priority, session=True)
        )
        copy = None
        if second_pass:
            from hushd.client import Client
            from hushd.transcripts.second_pass import follow

            transcribe = Client.on(self.link, None).transcribe_stream  # of the copy's thread, on the same connection
            copy = follow(
                transcribe, second_pass, rate, channels, {**options, **(second_pass_options or {})},
                _on_loop(on_revised), second_pass_each, echo=echo, until=until,
            )  # fmt: skip
            chunks = _heard(copy, chunks)
        try:
            call = await run(self._send(request, source.of_chunks(chunks)))
        except BaseException:
            if copy:
                copy.close()
            raise
        return AsyncTranscription(
            call,
            on_partial=on_partial,
            on_event=on_event,
            on_revised=on_revised,
            diarized=bool(options.get("diarize")),
            second_pass=copy,
        )

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
    """The same for the second pass's thread: `on_revised` is called on the loop that runs now, as long as it does."""
    loop = asyncio.get_running_loop()

    def report(revision: Revision) -> None:
        if on_revised and not loop.is_closed():
            loop.call_soon_threadsafe(on_revised, revision)

    return report


def _heard(
    second: SecondPass, chunks: Iterable[bytes] | AsyncIterable[bytes]
) -> Iterable[bytes] | AsyncIterable[bytes]:
    """The session's sound, which `second` keeps."""
    if not isinstance(chunks, AsyncIterable):
        return second.hear(chunks)

    async def kept() -> AsyncIterator[bytes]:
        async for chunk in chunks:
            second.add(chunk)
            yield chunk

    return kept()
