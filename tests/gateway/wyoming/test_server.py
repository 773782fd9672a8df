"""The official wyoming package's client against the gateway's server, with the real engines."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import soxr
from support.recordings import recording
from support.wyoming_gateway import ended, served, until
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.tts import Synthesize
from wyoming.wake import Detect

BECKETT = recording()
pytestmark = pytest.mark.usefixtures("carried")


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


@pytest.mark.parametrize("named", [{}, {"language": "en"}])
async def test_a_text_that_is_doubted_is_sent(named: dict[str, str]) -> None:
    """An assistant can do nothing with an empty one. A person played backwards is in no language, and none is told; the
    one that was named is believed."""
    samples, rate = soundfile.read(BECKETT, frames=5 * 16_000)
    data = (soxr.resample(samples, rate, 16_000)[::-1] * 32767).astype("<i2").tobytes()
    sound = {"rate": 16_000, "width": 2, "channels": 1}
    async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Transcribe(**named).event())
        await client.write_event(AudioChunk(audio=data, **sound).event())
        await client.write_event(AudioStop().event())
        *earlier, answer = await until(client, "transcript")
    assert answer.data["text"].strip()
    assert "".join(each.data["text"] for each in earlier if each.type == "transcript-chunk") == answer.data["text"]
    assert answer.data.get("language") == named.get("language")


async def test_nothing_recorded_is_an_empty_transcript() -> None:
    """An assistant that is called off sends no audio, and gets no error."""
    async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(AudioStart(rate=16_000, width=2, channels=1).event())
        await client.write_event(AudioStop().event())
        assert (await until(client, "transcript"))[-1].data == {"text": ""}


async def test_an_error_is_one_sentence_and_the_end() -> None:
    """Whatever is wrong: the event `error` says it, with a code, and the connection ends."""
    sound = {"rate": 16_000, "width": 2, "channels": 1}
    stereo = AudioChunk(audio=bytes(64), rate=16_000, width=2, channels=2).event()
    cases: list[tuple[list[Event], str, str]] = [
        ([Detect(names=["okay_nabu"]).event()], "unsupported", "such as wyoming-openwakeword, or run `hushd wake`"),
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
