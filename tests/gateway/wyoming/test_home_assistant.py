"""The calls of Home Assistant's integration `wyoming` (its stt.py, tts.py and data.py), in its order."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator

import pytest
import soundfile
import soxr
from support.peer import BOUND_S, Peer, Supervisor, wait_until
from support.recordings import recording
from support.wyoming_gateway import served, until
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped, SynthesizeVoice

BECKETT = recording()
SOUND = {"rate": 16_000, "width": 2, "channels": 1}  # the only one that it sends
PARTS = ("Hello ", "there. ", "How are ", "you today? ")


pytestmark = pytest.mark.usefixtures("carried")


def recording() -> bytes:
    """Six seconds of speech."""
    samples, rate = soundfile.read(BECKETT, frames=6 * 16_000, dtype="int16")
    return bytes(soxr.resample(samples, rate, SOUND["rate"]).tobytes())


async def load_info(port: int) -> Info:
    """Does one attempt of `load_wyoming_info`."""
    async with AsyncTcpClient("127.0.0.1", port) as client, asyncio.timeout(BOUND_S):
        await client.write_event(Describe().event())
        return Info.from_event((await until(client, "info"))[-1])


async def process_audio_stream(port: int, language: str) -> str | None:
    """Does what `async_process_audio_stream` does: None where it reports an error, nothing for an `error` event."""
    async with AsyncTcpClient("127.0.0.1", port) as client, asyncio.timeout(2 * BOUND_S):
        await client.write_event(Transcribe(language=language).event())
        await client.write_event(AudioStart(**SOUND).event())
        data = recording()
        for start in range(0, len(data), 2048):
            await client.write_event(AudioChunk(audio=data[start : start + 2048], **SOUND).event())
        await client.write_event(AudioStop().event())
        while True:
            event = await client.read_event()
            if event is None:
                return None
            if Transcript.is_type(event.type):
                return Transcript.from_event(event).text


async def get_tts_audio(port: int, message: str, voice: str | None) -> bytes | None:
    """Does what `async_get_tts_audio` does; returns the bytes of a WAV file."""
    async with AsyncTcpClient("127.0.0.1", port) as client, asyncio.timeout(2 * BOUND_S):
        wanted = SynthesizeVoice(name=voice) if voice else None
        await client.write_event(Synthesize(text=message, voice=wanted).event())
        with io.BytesIO() as file:
            writer: wave.Wave_write | None = None
            while True:
                event = await client.read_event()
                if event is None:
                    return None
                if AudioStop.is_type(event.type):
                    break
                if AudioChunk.is_type(event.type):
                    chunk = AudioChunk.from_event(event)
                    if writer is None:
                        writer = wave.open(file, "wb")  # noqa: SIM115
                        writer.setframerate(chunk.rate)
                        writer.setsampwidth(chunk.width)
                        writer.setnchannels(chunk.channels)
                    writer.writeframes(chunk.audio)
            if writer is not None:
                writer.close()
            return file.getvalue()


async def write_tts_message(client: AsyncTcpClient, parts: AsyncIterator[str], voice: str | None) -> None:
    """Does what `_write_tts_message` does."""
    wanted = SynthesizeVoice(name=voice) if voice else None
    await client.write_event(SynthesizeStart(voice=wanted).event())
    message = ""
    async for part in parts:
        message += part
        await client.write_event(SynthesizeChunk(text=part).event())
    await client.write_event(Synthesize(text=message, voice=wanted).event())
    await client.write_event(SynthesizeStop().event())


async def read_tts_audio(client: AsyncTcpClient, heard: asyncio.Event) -> bytes:
    """Does what `_read_tts_audio` does, without the header; sets `heard` with the first audio."""
    audio, started = b"", False
    async with asyncio.timeout(2 * BOUND_S):
        while event := await client.read_event():
            if started and AudioChunk.is_type(event.type):
                audio += AudioChunk.from_event(event).audio
                heard.set()
            elif not started and AudioStart.is_type(event.type):
                started = True
            elif SynthesizeStopped.is_type(event.type):
                break
    return audio


async def test_it_sets_up_a_listener_and_a_speaker() -> None:
    """It takes the one program of each kind, the languages of the installed models, and the voices by language."""
    async with served() as port:
        info = await load_info(port)
        assert any(each.installed for each in info.asr)
        languages = {each for model in info.asr[0].models if model.installed for each in model.languages}
        assert "en" in languages
        program = next(each for each in info.tts if each.installed)
        assert program.supports_synthesize_streaming
        voices = [voice.name for voice in program.voices if voice.installed and "en-US" in voice.languages]
        assert voices[0] == "heart"
        assert (len(info.asr), len(info.tts), info.satellite) == (1, 1, None)


async def test_it_understands_a_command() -> None:
    """It sends a language and 16 kHz samples, and reads until the transcript."""
    async with served() as port:
        for language in ("en", "en-US"):
            text = await process_audio_stream(port, language)
            assert text is not None
            assert "ever tried" in text.lower()


async def test_a_command_is_heard_while_it_is_spoken(carried: Supervisor) -> None:
    """Its job runs before the command has ended, and its text comes after that, in parts and as a whole; a command
    that is called off ends it."""
    data = recording()
    async with served() as port:
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(Transcribe(language="en").event())
            await client.write_event(AudioStart(**SOUND).event())
            await client.write_event(AudioChunk(audio=data[: 4 * 32_000], **SOUND).event())
            await asyncio.to_thread(wait_until, lambda: jobs(carried) == 1, "the job")
            await client.write_event(AudioChunk(audio=data[4 * 32_000 :], **SOUND).event())
            await client.write_event(AudioStop().event())
            events = await until(client, "transcript-stop")
            assert events[0].type == "transcript-start"
            (whole,) = [event.data["text"] for event in events if event.type == "transcript"]
            assert "ever tried" in whole.lower()
            assert "".join(each.data["text"] for each in events if each.type == "transcript-chunk") == whole
            await client.write_event(Transcribe(language="en").event())
            await client.write_event(AudioStart(**SOUND).event())
            await client.write_event(AudioChunk(audio=data[: 4 * 32_000], **SOUND).event())
            await asyncio.to_thread(wait_until, lambda: jobs(carried) == 1, "the second job")
        await asyncio.to_thread(wait_until, lambda: jobs(carried) == 0, "the end of the job")


async def test_it_is_not_left_waiting_by_an_error() -> None:
    """It passes over `error`, so what cannot be done ends the connection: a language of no model, an unknown voice."""
    async with served() as port:
        assert await process_audio_stream(port, "eo") is None
        for _ in range(10):  # it still sends its audio, and gets the end of the connection, not a broken one
            assert await process_audio_stream(port, "eo") is None
        assert await get_tts_audio(port, "Hello.", "nobody") is None
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(SynthesizeStart(voice=SynthesizeVoice(name="nobody")).event())
            assert await read_tts_audio(client, asyncio.Event()) == b""


@pytest.mark.parametrize("voice", [None, "heart"])
async def test_it_speaks_a_whole_message(voice: str | None) -> None:
    """The chunks make a WAV file by the format that they name."""
    async with served() as port:
        found = await get_tts_audio(port, "Hello there. How are you today?", voice)
        assert found is not None
        samples, rate = soundfile.read(io.BytesIO(found))
        assert 1 < len(samples) / rate < 5


async def test_it_hears_the_first_sentence_while_the_message_is_written() -> None:
    """The text goes on only once there is audio; all of it is spoken, and once."""
    heard = asyncio.Event()

    async def parts() -> AsyncIterator[str]:
        for part in PARTS:
            yield part
        await heard.wait()
        yield "Good bye."

    async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
        writing = asyncio.create_task(write_tts_message(client, parts(), "heart"))
        audio = await read_tts_audio(client, heard)
        await writing
        assert 1.5 < len(audio) / 2 / 24_000 < 6


@pytest.mark.parametrize("streaming", [False, True])
async def test_it_leaves_and_its_job_ends(streaming: bool, carried: Supervisor) -> None:
    """A speech of many minutes is cancelled soon after its connection is closed."""
    long = "This is one of very many sentences that nobody will ever hear. " * 500
    async with served() as port:
        async with AsyncTcpClient("127.0.0.1", port) as client:
            if streaming:
                await client.write_event(SynthesizeStart().event())
                await client.write_event(SynthesizeChunk(text=long).event())
            else:
                await client.write_event(Synthesize(text=long).event())
            await until(client, "audio-chunk")
            await asyncio.to_thread(wait_until, lambda: jobs(carried) == 1, "the job")
        await asyncio.to_thread(wait_until, lambda: jobs(carried) == 0, "the end of the job")


def jobs(supervisor: Supervisor) -> int:
    """The number of jobs under way."""
    with Peer(supervisor.socket) as peer:
        return sum(worker["running"] for worker in peer.control("status")["workers"])
