"""The official wyoming package's client against the gateway's server, with the real engines."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import moonshine_voice
import pytest
import soundfile
from hushd_gateway.threaded_client import ThreadedClient
from hushd_gateway.wyoming import serve_connection
from hushd_supervisor.core.settings import Settings
from support.peer import BOUND_S
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop

BECKETT = Path(moonshine_voice.__file__).parent / "assets" / "beckett.wav"


@pytest.fixture(autouse=True)
def _home(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    """The port of a server on this machine; its supervisor leaves with it."""
    async with ThreadedClient() as client:

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await serve_connection(reader, writer, client=client, settings=Settings(), listener="")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await asyncio.to_thread(client._client.shutdown)


async def until(client: AsyncTcpClient, last: str) -> list[Event]:
    """The events up to the one of type `last`."""
    events: list[Event] = []
    async with asyncio.timeout(2 * BOUND_S):
        while not events or events[-1].type != last:
            event = await client.read_event()
            assert event is not None
            assert event.type != "error", event.data
            events.append(event)
    return events


def test_one_program_of_each_kind() -> None:
    """`describe` names exactly one program for speech to text and one for text to speech, which streams."""

    async def run() -> None:
        async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Describe().event())
            info = Info.from_event((await until(client, "info"))[-1])
            assert (len(info.asr), len(info.tts)) == (1, 1)
            assert info.tts[0].supports_synthesize_streaming

    asyncio.run(run())


def test_a_recording_becomes_its_words() -> None:
    """Audio in chunks; the text comes in parts and as a whole, on a connection that goes on with another."""
    audio, rate = soundfile.read(BECKETT, frames=6 * 48_000, dtype="int16")

    async def run() -> None:
        async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
            for _ in range(2):
                sound = {"rate": rate, "width": 2, "channels": 1}
                await client.write_event(Transcribe(language="en").event())
                await client.write_event(AudioStart(**sound).event())
                data = audio.tobytes()
                for start in range(0, len(data), 2048):
                    await client.write_event(AudioChunk(audio=data[start : start + 2048], **sound).event())
                await client.write_event(AudioStop().event())
                events = await until(client, "transcript-stop")
                (whole,) = [event.data["text"] for event in events if event.type == "transcript"]
                assert "ever tried" in whole.lower()
                assert "".join(e.data["text"] for e in events if e.type == "transcript-chunk") == whole

    asyncio.run(run())


@pytest.mark.parametrize("streaming", [False, True])
def test_text_becomes_speech(streaming: bool) -> None:
    """A whole text, and one that comes in parts with the whole for older servers between: spoken once."""

    async def run() -> None:
        async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
            if streaming:
                await client.write_event(SynthesizeStart().event())
                for part in ("Hello the", "re. How are ", "you?"):
                    await client.write_event(SynthesizeChunk(text=part).event())
                await client.write_event(Synthesize(text="Hello there. How are you?").event())
                await client.write_event(SynthesizeStop().event())
            else:
                await client.write_event(Synthesize(text="Hello there. How are you?").event())
            events = await until(client, "synthesize-stopped" if streaming else "audio-stop")
            kinds = [event.type for event in events]
            assert kinds[0] == "audio-start"
            assert kinds.count("audio-start") == kinds.count("audio-stop") == 1
            (start,) = [event for event in events if event.type == "audio-start"]
            seconds = sum(len(e.payload or b"") for e in events if e.type == "audio-chunk") / 2 / start.data["rate"]
            assert 1 < seconds < 5

    asyncio.run(run())


def test_nonsense_costs_its_sender_alone() -> None:
    """Bytes of no event, and events that lie about their sizes, end that connection; another is served."""

    async def run() -> None:
        chance = random.Random(1)
        heads = [
            b"\n",
            b"[]\n",
            b"{}\n",
            b'{"type": 1, "data_length": -1}\n',
            b'{"type": "x", "payload_length": 1e9}\n',
        ]
        heads += [b'{"type": "synthesize"}\n', b'{"type": "audio-start", "data": {"rate": "x"}}\n', b"\xff" * 70_000]
        heads += [chance.randbytes(chance.randint(1, 3000)) + b"\n" for _ in range(200)]
        async with served() as port:
            for head in heads:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(head)
                writer.write_eof()
                async with asyncio.timeout(BOUND_S):
                    await reader.read()
                writer.close()
            async with AsyncTcpClient("127.0.0.1", port) as client:
                await client.write_event(Describe().event())
                await until(client, "info")

    asyncio.run(run())


def test_many_wait_at_once() -> None:
    """Forty connections each in the middle of a text: one more is answered, and then all of them are."""

    async def run() -> None:
        async with served() as port:
            clients = [AsyncTcpClient("127.0.0.1", port) for _ in range(40)]
            for client in clients:
                await client.connect()
                await client.write_event(SynthesizeStart().event())
                await client.write_event(SynthesizeChunk(text="Wait. ").event())
            async with AsyncTcpClient("127.0.0.1", port) as other:
                await other.write_event(Describe().event())
                await until(other, "info")
            for client in clients:
                await client.write_event(SynthesizeStop().event())
            for client in clients:
                await until(client, "synthesize-stopped")
                await client.disconnect()

    asyncio.run(run())
