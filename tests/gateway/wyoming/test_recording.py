"""A recording, in the formats that programs send."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
import soundfile
import soxr
from support import recordings
from support.wyoming_gateway import served, until
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient

BECKETT = recordings.recording()


pytestmark = pytest.mark.usefixtures("carried")


# Each format, as one of the six seconds of speech has it.
FORMATS = [(8_000, 1), (16_000, 1), (44_100, 2)]


@pytest.mark.parametrize(("rate", "channels"), FORMATS)
def test_any_usual_format_is_understood(rate: int, channels: int) -> None:
    """Other rates and two channels, in chunks that end within a sample and have no audio-start."""
    samples, given = soundfile.read(BECKETT, frames=6 * 16_000)
    samples = soxr.resample(samples, given, rate)
    data = (np.stack([samples] * channels, axis=-1) * 32767).astype("<i2").tobytes()
    sound = {"rate": rate, "width": 2, "channels": channels}

    async def run() -> None:
        async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
            for start in range(0, len(data), 4099):
                await client.write_event(AudioChunk(audio=data[start : start + 4099], **sound).event())
            await client.write_event(AudioStop().event())
            events = await until(client, "transcript")
            assert "ever tried" in events[-1].data["text"].lower()

    asyncio.run(run())


def test_nothing_recorded_is_an_empty_transcript() -> None:
    """An assistant that is called off sends no audio, and gets no error."""

    async def run() -> None:
        async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(AudioStart(rate=16_000, width=2, channels=1).event())
            await client.write_event(AudioStop().event())
            assert (await until(client, "transcript"))[-1].data == {"text": ""}

    asyncio.run(run())
