"""A recording, in the formats that programs send."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hushd_gateway.wyoming import recording
from support import recordings
from support.wyoming_gateway import served, until
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient

BECKETT = recordings.recording()


pytestmark = pytest.mark.usefixtures("carried")


# Each format, as one of the six seconds of speech has it.
FORMATS = [(8_000, 2, 1), (16_000, 4, 1), (22_050, 1, 1), (44_100, 2, 2), (48_000, 3, 2)]


def encoded(samples: np.ndarray, width: int) -> bytes:
    """Samples from -1 to 1 as a WAV file has them."""
    if width == 1:
        return ((samples * 127).astype(np.int16) + 128).astype(np.uint8).tobytes()
    whole = (samples * (2 ** (8 * width - 1) - 1)).astype("<i4")
    return whole.view(np.uint8).reshape(*whole.shape, 4)[..., :width].tobytes()


@pytest.mark.parametrize(("rate", "width", "channels"), FORMATS)
def test_any_usual_format_is_understood(rate: int, width: int, channels: int) -> None:
    """Other rates, two channels, and 8, 24 or 32 bits, in chunks that end within a sample and have no audio-start."""
    samples, given = soundfile.read(BECKETT, frames=6 * 16_000)
    samples = soxr.resample(samples, given, rate)
    data = encoded(np.stack([samples] * channels, axis=-1), width)
    sound = {"rate": rate, "width": width, "channels": channels}

    async def run() -> None:
        async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
            for start in range(0, len(data), 4099):
                await client.write_event(AudioChunk(audio=data[start : start + 4099], **sound).event())
            await client.write_event(AudioStop().event())
            events = await until(client, "transcript")
            assert "ever tried" in events[-1].data["text"].lower()

    asyncio.run(run())


def test_a_long_recording_is_no_longer_in_memory() -> None:
    """All ten seconds, in four channels, are heard, from a file that is gone afterwards."""
    samples, rate = soundfile.read(BECKETT, dtype="int16")
    data = np.stack([samples] * 4, axis=-1).tobytes()
    assert len(data) > recording.SHORT
    sound = {"rate": rate, "width": 2, "channels": 4}

    async def run() -> None:
        async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
            before = set(open_files())  # pytest's own among them
            await client.write_event(AudioStart(**sound).event())
            for start in range(0, len(data), 65_536):
                await client.write_event(AudioChunk(audio=data[start : start + 65_536], **sound).event())
            await client.write_event(AudioStop().event())
            text = (await until(client, "transcript"))[-1].data["text"].lower()
            assert "ever tried" in text
            assert "fail better" in text
            await until(client, "transcript-stop")
            assert {each for each in open_files() if each.endswith("(deleted)")} <= before

    asyncio.run(run())


def open_files() -> Iterator[str]:
    """The names of this process's open files."""
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            yield os.readlink(link)


def test_nothing_recorded_is_an_empty_transcript() -> None:
    """An assistant that is called off sends no audio, and gets no error."""

    async def run() -> None:
        async with served() as port, AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(AudioStart(rate=16_000, width=2, channels=1).event())
            await client.write_event(AudioStop().event())
            assert (await until(client, "transcript"))[-1].data == {"text": ""}

    asyncio.run(run())


def test_recordings_share_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it a short one goes to a file too, with the same samples; a closed one makes room."""
    monkeypatch.setattr(recording, "MEMORY", 1000)
    first, second = recording.Recording(), recording.Recording()
    for number in range(10):
        first.add({}, bytes([number]) * 90)
        second.add({}, bytes([number]) * 90)
    assert recording.Recording._kept <= 1000
    assert first.read() == second.read() == b"".join(bytes([number]) * 90 for number in range(10))
    first.close()
    second.close()
    assert recording.Recording._kept == 0
