"""Asks a program over Wyoming or HTTP: for a clip's text, or for a sentence's sound, each with its seconds."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import httpx
import numpy as np
import soundfile
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.tts import Synthesize

from ..stage import Samples

RATE = 16_000
CHUNK_S = 0.1
SPOKEN = "When sunlight strikes raindrops in the air, they act as a prism, and form a rainbow."
_PATIENCE_S = 300.0


@dataclass(frozen=True)
class Clip:
    language: str
    text: str
    samples: Samples


Hear = Callable[[int, Clip, float], Awaitable[tuple[str, float]]]
"""Sends a clip to a port, a chunk every so many seconds; returns its text, and the seconds from its end to that."""
Speak = Callable[[int], Awaitable[tuple[float, float]]]
"""Returns the seconds from a request for `SPOKEN` to the first sound and to the last."""


async def wyoming_hears(port: int, clip: Clip, chunk_s: float) -> tuple[str, float]:
    sound = {"rate": RATE, "width": 2, "channels": 1}
    data = (np.clip(clip.samples, -1, 1) * 32767).astype("<i2").tobytes()
    size = 2 * round(CHUNK_S * RATE)
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Transcribe(language=clip.language).event())
        await client.write_event(AudioStart(**sound).event())
        began = time.monotonic()
        for number, start in enumerate(range(0, len(data), size), 1):
            await asyncio.sleep(max(0.0, began + number * chunk_s - time.monotonic()))
            await client.write_event(AudioChunk(audio=data[start : start + size], **sound).event())
        await client.write_event(AudioStop().event())
        ended = time.monotonic()
        while event := await client.read_event():
            if event.type == "transcript":
                return event.data["text"], time.monotonic() - ended
    raise SystemExit("scripts/bench peers: a program has answered without a text")


async def wyoming_speaks(port: int) -> tuple[float, float]:
    async with AsyncTcpClient("127.0.0.1", port) as client:
        began, first = time.monotonic(), 0.0
        await client.write_event(Synthesize(text=SPOKEN).event())
        while event := await client.read_event():
            if event.type == "audio-chunk":
                first = first or time.monotonic() - began
            if event.type == "audio-stop":
                return first, time.monotonic() - began
    raise SystemExit("scripts/bench peers: a program has answered without sound")


def http_hears(path: str, **form: str) -> Hear:
    """A file by a form with `form`'s fields, which is sent as a whole."""

    async def hears(port: int, clip: Clip, _: float) -> tuple[str, float]:
        file = io.BytesIO()
        soundfile.write(file, clip.samples, RATE, format="WAV", subtype="PCM_16")
        async with httpx.AsyncClient(timeout=_PATIENCE_S) as client:
            began = time.monotonic()
            answer = await client.post(
                f"http://127.0.0.1:{port}{path}",
                files={"file": ("clip.wav", file.getvalue())},
                data={"language": clip.language, **form},
            )
            return str(answer.raise_for_status().json()["text"]), time.monotonic() - began

    return hears


def http_speaks(path: str, body: Mapping[str, str]) -> Speak:
    """WAV, by JSON."""

    async def speaks(port: int) -> tuple[float, float]:
        async with httpx.AsyncClient(timeout=_PATIENCE_S) as client:
            began, first = time.monotonic(), 0.0
            async with client.stream("POST", f"http://127.0.0.1:{port}{path}", json=dict(body)) as answer:
                answer.raise_for_status()
                async for _ in answer.aiter_bytes():
                    first = first or time.monotonic() - began
            return first, time.monotonic() - began

    return speaks
