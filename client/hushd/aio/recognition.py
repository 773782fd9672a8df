"""Speech to text, and the choice of its model, for tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from hushd.recognition import AUTO, installed, names_no_engine
from hushd.transcripts.options import TranscribeOptions, live_params, transcribe_params
from hushd.transport import requests
from hushd.transport.requests import KeepAlive
from hushd.transport.source import is_array

from . import source
from .management import AsyncManagement
from .source import AsyncAudio
from .transcription import AsyncTranscription

if TYPE_CHECKING:
    from hushd.model_choice import ModelChoice
    from hushd.transcripts.transcript import Transcript


class AsyncRecognition(AsyncManagement):
    """Transcribes recordings and live audio; a base of `hushd.AsyncClient`, as `Recognition` is of `hushd.Client`."""

    _engines: dict[str, Any] | None = None  # for speech to text, once a request depends on them

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
        engine, model = await self._meant(params, speed, engine, model)
        request = requests.request("stt", "transcribe", params, engine, model, keep_alive, priority, deadline)
        call = await self._call(request, input)
        return AsyncTranscription(call, on_progress, diarized=bool(options.get("diarize")))

    async def listen(
        self,
        chunks: Iterable[bytes] | AsyncIterable[bytes],
        *,
        rate: int = 16000,
        channels: int = 1,
        continuous: bool = False,
        silence_s: float = 0.8,
        no_speech_s: float | None = None,
        engine: str | None = None,
        model: str | None = None,
        speed: str | None = None,
        keep_alive: KeepAlive = None,
        priority: str = "text",
        echo: bool = False,
        on_partial: Callable[[str, str], None] | None = None,
        on_event: Callable[[str, dict[str, Any]], None] | None = None,
        **options: Unpack[TranscribeOptions],
    ) -> AsyncTranscription:
        """As `Client.listen`; the request is sent when this returns.

        Args:
            chunks: s16le samples as they are recorded: an asynchronous iterable, or another one, such as a
                `Microphone`, which is read in another thread.
        """
        params = live_params(
            options, rate=rate, channels=channels, continuous=continuous, silence_s=silence_s, no_speech_s=no_speech_s,
            echo=echo,
        )  # fmt: skip
        engine, model = await self._meant(params, speed or "fast", engine, model)
        request = requests.request("stt", "transcribe", params, engine, model, keep_alive, priority)
        call = await self._call(replace(request, session=True), source.of_chunks(chunks))
        return AsyncTranscription(call, on_partial=on_partial, on_event=on_event, diarized=bool(options.get("diarize")))

    async def choose_model(
        self,
        language: str | None = None,
        *,
        speed: str | None = None,
        engine: str | None = None,
        translate: bool = False,
    ) -> ModelChoice:
        """As `Client.choose_model`."""
        from hushd import model_choice

        config = self._blocking._paths.config
        found = await asyncio.to_thread(installed, await self._described(), engine, translate, config)
        there = model_choice.machine(await self.status(), "stt")
        return model_choice.choose(found, there, language, speed or "medium", engine)

    async def find_model(self, name: str) -> tuple[str, str]:
        """As `Client.find_model`."""
        from hushd import model_names

        return model_names.find(await self._described(), name)

    async def _meant(
        self, params: dict[str, Any], speed: str | None, engine: str | None, model: str | None
    ) -> tuple[str | None, str | None]:
        """Engine and model of a request that may name only the model, or `auto`."""
        if model == AUTO:
            translate = params.get("task") == "translate"
            return (await self.choose_model(params.get("language"), speed=speed, engine=engine, translate=translate))[
                :2
            ]
        if model and not engine and names_no_engine(model):
            return await self.find_model(model)
        return engine, model

    async def _described(self) -> dict[str, Any]:
        """Describes speech to text: engines and models; asks once."""
        if self._engines is None:
            self._engines = (await self.describe("stt"))["stt"]
        return self._engines
