"""Serves one connection of Wyoming, with the streaming events of 1.10 and to older clients without them.

    describe                                            -> info
    transcribe, audio-start, audio-chunk…, audio-stop   -> transcript-start, -chunk…, transcript, transcript-stop
    synthesize                                          -> audio-start, audio-chunk…, audio-stop
    synthesize-start, -chunk…, synthesize-stop          -> the same while text comes, and synthesize-stopped

The `synthesize` that a streaming client sends for older servers, between its start and its stop, is passed over.
"""

from __future__ import annotations

import asyncio
import json
import queue
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

from hushd_models import listings
from hushd_protocol.errors import HushdError
from hushd_supervisor.core.settings import Settings
from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable, async_write_event
from wyoming.ping import Pong
from wyoming.tts import SynthesizeStopped

from hushd_gateway.threaded_client import ThreadedClient

REST_S = 600.0  # between two events
MAX_DATA = 256 * 1024  # bytes
MAX_PAYLOAD = 1024 * 1024
MAX_AUDIO = 64 * 1024 * 1024  # of one recording: half an hour at 16 kHz
MAX_TEXT = 1024 * 1024  # characters under way in one streamed text


async def serve_connection(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    client: ThreadedClient,
    settings: Settings,
    listener: str,
) -> None:
    """Answers events until the client leaves, rests for very long, or sends what is none."""
    connection = _Connection(writer, client, *settings.wyoming.models(listener))
    try:
        while event := await _read(reader):
            try:
                await connection.handle(event)
            except HushdError as error:
                await connection.send(Error(text=str(error), code=error.code))
    except (ValueError, KeyError, TypeError, AttributeError):
        await connection.send(Error(text="This is no event of Wyoming, or lacks what it needs.", code="bad_request"))
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        pass
    finally:
        await connection.close()


async def _read(reader: asyncio.StreamReader) -> Event | None:
    """The next event; None at the end. As `wyoming.event.async_read_event`, but bounded in size and time.

    Raises:
        ValueError: for what is no event, or a too large one.
    """
    async with asyncio.timeout(REST_S):
        line = await reader.readline()
        if not line:
            return None
        head = json.loads(line)
        data = dict(head.get("data") or {})
        if length := _length(head, "data_length", MAX_DATA):
            data |= json.loads(await reader.readexactly(length))
        payload = await reader.readexactly(_length(head, "payload_length", MAX_PAYLOAD))
    return Event(str(head["type"]), data, payload)


def _length(head: dict[str, Any], name: str, most: int) -> int:
    length = head.get(name) or 0
    if type(length) is not int or not 0 <= length <= most:
        raise ValueError(name)
    return length


class _Connection:
    """The state between two events: a recording, or a text that is being streamed."""

    def __init__(self, writer: asyncio.StreamWriter, client: ThreadedClient, stt: str, tts: str) -> None:
        self._writer = writer
        self._client = client
        self._stt, self._tts = stt, tts
        self._language = ""
        self._rate, self._channels = 16_000, 1
        self._audio = bytearray()
        self._text: queue.SimpleQueue[str | None] | None = None
        self._characters = 0
        self._speaking: asyncio.Task[None] | None = None

    async def send(self, event: Eventable) -> None:
        """Writes one event."""
        await async_write_event(event.event(), self._writer)

    async def close(self) -> None:
        """Ends what is under way."""
        if self._text:
            self._text.put(None)
        if self._speaking:
            self._speaking.cancel()

    async def handle(self, event: Event) -> None:
        """Does what one event asks for; passes over those of other kinds."""
        match event.type:
            case "describe":
                catalogues = {role: (await self._client.describe(role)).get(role, {}) for role in ("stt", "tts")}
                self._writer.write(listings.info_event(listings.info(catalogues, self._stt, self._tts)))
                await self._writer.drain()
            case "ping":
                await self.send(Pong(text=event.data.get("text")))
            case "transcribe":
                self._language = str(event.data.get("language") or "")
                self._stt = _known(str(event.data.get("name") or ""), self._stt)
            case "audio-start":
                self._begin(AudioStart.from_event(event))
            case "audio-chunk":
                self._audio += event.payload or b""
                if len(self._audio) > MAX_AUDIO:
                    self._audio.clear()
                    raise HushdError("too_large", f"A recording has at most {MAX_AUDIO // 2**20} MiB.")
            case "audio-stop":
                await self._transcribe()
            case "synthesize" if self._text is None:
                await self._speak(str(event.data["text"]), event.data.get("voice"))
            case "synthesize-start" if self._text is None:
                self._text, self._characters = queue.SimpleQueue(), 0
                self._speaking = asyncio.create_task(self._speak(_until_none(self._text), event.data.get("voice")))
            case "synthesize-chunk" if self._text:
                text = str(event.data["text"])
                self._characters += len(text)
                if self._characters > MAX_TEXT:
                    raise ValueError("text")
                self._text.put(text)
            case "synthesize-stop" if self._text and self._speaking:
                self._text.put(None)
                speaking, self._text, self._speaking = self._speaking, None, None
                await speaking
                await self.send(SynthesizeStopped())

    def _begin(self, start: AudioStart) -> None:
        if start.width != 2:
            raise HushdError("bad_request", f"Samples have 16 bits here, not {8 * start.width}.")
        self._rate, self._channels = start.rate, start.channels
        self._audio.clear()

    async def _transcribe(self) -> None:
        audio, self._audio = bytes(self._audio), bytearray()
        engine, _, model = self._stt.partition("/")
        options = {"engine": engine or None, "model": model or None, "language": self._language or None}
        stream = await self._client.transcribe_stream(audio, rate=self._rate, channels=self._channels, **options)
        texts: list[str] = []
        await self.send(TranscriptStart(language=self._language or None))
        async with aclosing(stream):
            async for segment in stream:
                texts.append(segment.text)
                await self.send(TranscriptChunk(text=(" " if len(texts) > 1 else "") + segment.text))
        await self.send(Transcript(text=" ".join(texts), language=self._language or None))
        await self.send(TranscriptStop())

    async def _speak(self, text: str | Iterator[str], voice: dict[str, Any] | None) -> None:
        engine, _, model = self._tts.partition("/")
        options = {"engine": engine or None, "model": model or None, "voice": (voice or {}).get("name") or None}
        speech = await self._client.synthesize(text, keep=False, **options)
        sound: dict[str, Any] = {}
        async with aclosing(speech):
            async for samples in speech:
                if not sound:
                    sound = {"rate": speech.rate, "width": 2, "channels": speech.channels}
                    await self.send(AudioStart(**sound))
                await self.send(AudioChunk(audio=samples, **sound))
        if not sound:
            await self.send(AudioStart(rate=24_000, width=2, channels=1))
        await self.send(AudioStop())


def _known(name: str, otherwise: str) -> str:
    """A model's ENGINE/NAME; names of other servers mean the one that this port offers."""
    return name if "/" in name and not otherwise else otherwise


def _until_none(texts: queue.SimpleQueue[str | None]) -> Iterator[str]:
    while (text := texts.get()) is not None:
        yield text
