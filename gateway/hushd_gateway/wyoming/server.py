"""Serves one connection of Wyoming, with the streaming events of version 1.10, or without them for older clients.

    describe                                            -> info
    transcribe, audio-start, audio-chunk…, audio-stop   -> transcript-start, -chunk…, transcript, transcript-stop
    synthesize                                          -> audio-start, audio-chunk…, audio-stop
    synthesize-start, -chunk…, synthesize-stop          -> the same while text comes, and synthesize-stopped

A recording that no `transcribe` has announced is transcribed once it has ended. `detect` is refused: hushd's own wake
words need a microphone of its machine. The `synthesize` that a streaming client sends for older servers, between its
start and its stop, is ignored. An error ends the connection, as with the protocol's own servers: Home Assistant ignores
`error`, and would wait forever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Any

from hushd import AsyncClient
from hushd.transcripts.segment import between
from hushd_models import listings
from hushd_protocol import JsonObject, names
from hushd_protocol.errors import HushdError, leaf_errors, sentence
from hushd_protocol.system.paths import find
from hushd_schema.operations.synthesize import SYNTHESIZE
from hushd_schema.operations.transcribe import TRANSCRIBE
from hushd_schema.settings import Settings
from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable, async_write_event
from wyoming.ping import Pong
from wyoming.tts import SynthesizeStopped

from hushd_gateway.routing import Engines, Model

from . import events
from .audio import SentAudio

SEND_TIMEOUT_S = 60.0  # seconds for a program that does not read
MAX_TEXT = 1024 * 1024  # characters of one streamed text
WORDS = {"list_voices": "describe lists them"}  # advice for programs
NO_DETECTION = (
    "hushd hears no wake words over Wyoming: give the satellite a server that does, such as wyoming-openwakeword, or "
    "run `hushd wake` where the microphone is."
)
_SILENCE = {"rate": 24_000, "width": 2, "channels": 1}  # the format of the answer to an empty text


async def serve_connection(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, client: AsyncClient, settings: Settings
) -> None:
    """Answers events until the program's last one, a very long rest, or an error.
    Running requests are finished after the last event. Cancelled, it ends at once, with its jobs."""
    failed: HushdError | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            engines = Engines(client, settings, find().listed)
            with closing(_Events(writer, engines, tasks)) as connection:
                while event := await events.read_event(reader):
                    await connection.handle(event)
    except* HushdError as group:
        failed = next(error for error in leaf_errors(group) if isinstance(error, HushdError))
    except* (OSError, TimeoutError, asyncio.IncompleteReadError):
        pass  # the program has disconnected, or does not read
    if failed:
        await _send(writer, Error(text=sentence(failed, WORDS), code=failed.code))


class _Events:
    """The state between two events: a recording, and a streamed text.
    `tasks`: runs tasks that continue while further events arrive."""

    def __init__(self, writer: asyncio.StreamWriter, engines: Engines, tasks: asyncio.TaskGroup) -> None:
        self._writer = writer
        self._client = engines.client
        self._engines = engines
        self._tasks = tasks
        self._transcribe_data: Mapping[str, Any] | None = None  # the data of the recording's `transcribe`, once it came
        self._model = Model()  # model of this recording
        self._recording = SentAudio()
        self._hearing: asyncio.Task[None] | None = None  # transcribes it while it comes
        self._text: asyncio.Queue[str | None] | None = None
        self._characters = 0
        self._speaking: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Ends a streamed text, and drops a recording."""
        self._stop_hearing()
        self._recording.close()
        if self._text:
            self._text.put_nowait(None)

    async def handle(self, event: Event) -> None:
        """Handles one event; ignores unknown types. Raises HushdError if the request cannot be served."""
        match event.type:
            case "describe":
                self._writer.write(listings.info_event(listings.info(await self._engines.every())))
                await self._writer.drain()
            case "ping":
                await self._send(Pong(text=event.data.get("text")))
            case "detect":
                raise HushdError("unsupported", NO_DETECTION)
            case "transcribe":
                self._stop_hearing()  # a recording under way is heard anew, as this says
                self._model = await self._chosen(event.data)
                self._transcribe_data = event.data
            case "audio-start":
                await self._begin(event)
            case "audio-chunk":
                self._recording.add(event.data, event.payload or b"")
                if self._transcribe_data is not None:  # a room may send sound without end, unasked
                    self._hear()
            case "audio-stop":
                await self._end()
            case "synthesize" if self._text is None:
                await self._speak(events.text(event), event.data)
            case "synthesize-start" if self._text is None:
                self._text, self._characters = asyncio.Queue(), 0
                self._speaking = self._tasks.create_task(self._speak_while_written(self._text, event.data))
            case "synthesize-chunk" if self._text:
                self._write(events.text(event))
            case "synthesize-stop" if self._text and self._speaking:
                self._text.put_nowait(None)
                await asyncio.wait({self._speaking})
                self._text = self._speaking = None

    async def _send(self, event: Eventable) -> None:
        await _send(self._writer, event)

    # --- speech to text ----------------------------------------------------------------------------------------------

    async def _begin(self, event: Event) -> None:
        self._stop_hearing()
        self._recording.close()
        self._recording = SentAudio()
        self._recording.begin(event.data)
        if self._transcribe_data is not None:  # the worker starts while the user speaks
            await self._client.preload(names.worker("stt", *self._model), wait=False)

    async def _chosen(self, data: Mapping[str, Any]) -> Model:
        name, given = data.get("name"), events.parameters(TRANSCRIBE, data)
        return await self._engines.model(name if isinstance(name, str) else "", given.get("language", ""))

    def _hear(self) -> None:
        """Begins to transcribe the recording with its first samples."""
        if self._recording.size and not self._hearing:
            given = events.parameters(TRANSCRIBE, self._transcribe_data or {})
            self._hearing = self._tasks.create_task(self._transcribe(self._recording, self._model, given))

    async def _end(self) -> None:
        self._hear()
        hearing, self._hearing = self._hearing, None
        recording, self._recording = self._recording, SentAudio()
        self._model, self._transcribe_data = Model(), None
        with closing(recording):
            recording.end()
            if hearing:
                await asyncio.wait({hearing})
            else:
                await self._send(Transcript(text=""))

    def _stop_hearing(self) -> None:
        if self._hearing:
            self._hearing.cancel()
            self._hearing = None

    async def _transcribe(self, recording: SentAudio, model: Model, options: JsonObject) -> None:
        """Transcribes a recording while it comes, and answers once it has ended."""
        stream = await self._client.transcribe_stream(
            recording.samples(),
            rate=recording.format.rate,
            channels=recording.format.channels,
            engine=model.engine,
            model=model.model,
            as_spoken=True,
            **options,
        )
        text, language = "", options.get("language")
        async with aclosing(stream):
            await recording.whole.wait()
            await self._send(TranscriptStart(language=language))
            async for segment in stream:
                part = between(text, segment.text) + segment.text if text else segment.text
                text += part
                await self._send(TranscriptChunk(text=part))
        language = None if stream.unlikely else stream.language or language  # the protocol has no other mark
        await self._send(Transcript(text=text, language=language))
        await self._send(TranscriptStop())

    # --- text to speech ----------------------------------------------------------------------------------------------

    def _write(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > MAX_TEXT:
            raise HushdError("too_large", f"A text has at most {MAX_TEXT} characters: send it in parts.")
        if self._text:
            self._text.put_nowait(text)

    async def _speak_while_written(self, text: asyncio.Queue[str | None], data: Mapping[str, Any]) -> None:
        await self._speak(_until_none(text), data)
        await self._send(SynthesizeStopped())

    async def _speak(self, text: str | AsyncIterator[str], data: Mapping[str, Any]) -> None:
        given = events.parameters(SYNTHESIZE, data)
        voice, language = given.pop("voice", ""), given.pop("language", "")
        _, by_voice = await self._engines.speaker("", voice, "" if voice else language)
        speech = await self._client.synthesize(text, keep=False, **given, **by_voice)
        sound: JsonObject = {}
        async with aclosing(speech):
            async for samples in speech:
                if not sound:
                    sound = {"rate": speech.rate, "width": 2, "channels": speech.channels}
                    await self._send(_Begun(**sound, voice=by_voice.get("voice")))
                await self._send(AudioChunk(audio=samples, **sound))
        if not sound:
            await self._send(AudioStart(**_SILENCE))
        await self._send(AudioStop())


@dataclass
class _Begun(AudioStart):
    """The start of a speech with the name of its voice, which may be the fallback for the requested one."""

    voice: str | None = None

    def event(self) -> Event:
        event = super().event()
        event.data |= {"voice": {"name": self.voice}} if self.voice else {}
        return event


async def _send(writer: asyncio.StreamWriter, event: Eventable) -> None:
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await async_write_event(event.event(), writer)


async def _until_none(texts: asyncio.Queue[str | None]) -> AsyncIterator[str]:
    while (text := await texts.get()) is not None:
        yield text
