"""The official wyoming package's client against the gateway's server, with the real engines."""

from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest
import soundfile
import soxr
from support.peer import BOUND_S
from support.recordings import recording
from support.wyoming_gateway import ended, served, until
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping
from wyoming.tts import Synthesize, SynthesizeVoice

BECKETT = recording()
pytestmark = pytest.mark.usefixtures("carried")


async def test_one_program_of_each_kind() -> None:
    """`describe` names one program for speech to text and one for text to speech, which streams; a ping is answered."""
    async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Describe().event())
        info = Info.from_event((await until(client, "info"))[-1])
        assert (len(info.asr), len(info.tts)) == (1, 1)
        assert info.tts[0].supports_synthesize_streaming
        await client.write_event(Ping(text="still there").event())
        assert (await until(client, "pong"))[-1].data["text"] == "still there"


async def test_a_recording_becomes_its_words() -> None:
    """Audio in chunks; the text comes in parts and as a whole, on a connection that goes on with another."""
    audio, rate = soundfile.read(BECKETT, frames=6 * 16_000, dtype="int16")
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


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (16_000, 1), (44_100, 2)])
async def test_any_usual_format_is_understood(rate: int, channels: int) -> None:
    """Other rates and two channels, in chunks that end within a sample and have no audio-start."""
    samples, given = soundfile.read(BECKETT, frames=6 * 16_000)
    samples = soxr.resample(samples, given, rate)
    data = (np.stack([samples] * channels, axis=-1) * 32767).astype("<i2").tobytes()
    sound = {"rate": rate, "width": 2, "channels": channels}
    async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
        for start in range(0, len(data), 4099):
            await client.write_event(AudioChunk(audio=data[start : start + 4099], **sound).event())
        await client.write_event(AudioStop().event())
        events = await until(client, "transcript")
        assert "ever tried" in events[-1].data["text"].lower()


async def test_nothing_recorded_is_an_empty_transcript() -> None:
    """An assistant that is called off sends no audio, and gets no error."""
    async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(AudioStart(rate=16_000, width=2, channels=1).event())
        await client.write_event(AudioStop().event())
        assert (await until(client, "transcript"))[-1].data == {"text": ""}


async def test_nonsense_costs_its_sender_alone() -> None:
    """Bytes of no event, and events that lie about their sizes, end that connection; another is served."""
    chance = random.Random(1)
    heads = [
        b"\n", b"[]\n", b"{}\n", b'{"type": 1, "data_length": -1}\n', b'{"type": "x", "payload_length": 1e9}\n',
    ]  # fmt: skip
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


async def test_an_error_is_one_sentence_and_the_end() -> None:
    """Whatever is wrong: the event `error` says it, with a code, and the connection ends."""
    sound = {"rate": 16_000, "width": 2, "channels": 1}
    stereo = AudioChunk(audio=bytes(64), rate=16_000, width=2, channels=2).event()
    cases: list[tuple[list[Event], str, str]] = [
        ([Event("synthesize")], "bad_request", "The event synthesize has no text."),
        ([Event("synthesize", {"text": 7})], "bad_request", "The event synthesize has no text."),
        ([Synthesize(text=" ").event()], "bad_request", "There is nothing to say: the text is empty."),
        ([AudioStart(rate=16_000, width=5, channels=1).event()], "bad_request", "a width of 2 bytes"),
        ([AudioStart(rate=10**9, width=2, channels=1).event()], "bad_request", "a rate from 4000 to 384000 Hz"),
        ([AudioChunk(audio=bytes(64), **sound).event(), stereo], "bad_request", "format has changed"),
    ]
    async with served() as port:
        for sent, code, sentence in cases:
            async with AsyncTcpClient("127.0.0.1", port) as client:
                for event in sent:
                    await client.write_event(event)
                error = (await until(client, "error"))[-1].data
                assert error["code"] == code
                assert sentence in error["text"]
                assert "\n" not in error["text"]
                assert await ended(client)


async def test_a_language_chooses_the_voice() -> None:
    """A program that names no voice is answered by one of its language."""
    async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Synthesize(text="Hello there.", voice=SynthesizeVoice(language="en-US")).event())
        events = await until(client, "audio-stop")
        assert sum(len(event.payload or b"") for event in events) / 2 / 24_000 > 0.4
