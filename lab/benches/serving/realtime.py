"""Realtime sessions over HTTP: first text after speech begins, and the turn's text after it ends, as spoken."""

from __future__ import annotations

import asyncio
import base64
import statistics
from argparse import Namespace
from collections.abc import Iterator

import numpy as np
import soxr
from hushd import Client
from openai import AsyncOpenAI

from ..hearing.live import RATE, Utterance, utterances
from ..stage import Row, port, supervisor

SOUND = 24_000  # Hz, as OpenAI's programs send it
CHUNK = SOUND // 20
SILENCE_S = 0.5
TRANSCRIPTION = "conversation.item.input_audio_transcription."


def realtime(options: Namespace) -> Iterator[Row]:
    """Speech to the first delta, and the end of speech to `completed`, beyond the silence asked for."""
    spoken = utterances(options)
    with supervisor('[http]\nlisten = ["127.0.0.1:0"]\n'), Client() as client:
        client.preload("stt")
        eager = asyncio.run(_sessions(port(client), spoken, "minimal"))
        times = asyncio.run(_sessions(port(client), spoken, "low"))
    first, last = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
    guess = statistics.median(begun for begun, _ in eager) * 1000
    count = f"{len(times)} utterances"
    yield Row("realtime: speech to the first guess", guess, "ms", "<= 350", ok=guess <= 350, note="delay: minimal")
    yield Row("realtime: speech to the first word that stays", first, "ms", note=count)
    yield Row("realtime: end of speech to completed", last, "ms", "<= 200", ok=last <= 200, note="after the silence")


async def _sessions(number: int, spoken: list[Utterance], delay: str) -> list[tuple[float, float]]:
    async with AsyncOpenAI(base_url=f"http://127.0.0.1:{number}/v1", api_key="none") as client:
        return [await _session(client, utterance, delay) for utterance in (spoken[0], *spoken)][1:]


async def _session(client: AsyncOpenAI, utterance: Utterance, delay: str) -> tuple[float, float]:
    """Speaks it in real time; seconds from its beginning to the first delta, and from its end to the text."""
    sound = (soxr.resample(utterance.samples, RATE, SOUND).clip(-1, 1) * 32767).astype("<i2")
    loop = asyncio.get_running_loop()
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as session:
        detection = {"type": "server_vad", "silence_duration_ms": int(SILENCE_S * 1000)}
        heard = {"turn_detection": detection, "transcription": {"model": "gpt-realtime-whisper", "delay": delay}}
        await session.session.update(session={"type": "transcription", "audio": {"input": heard}})
        began = loop.time()

        async def speak() -> None:
            for start in range(0, len(sound), CHUNK):
                await asyncio.sleep(began + (start + CHUNK) / SOUND - loop.time())
                piece = np.asarray(sound[start : start + CHUNK]).tobytes()
                await session.input_audio_buffer.append(audio=base64.b64encode(piece).decode())

        speaking = asyncio.create_task(speak())
        first, last = 0.0, 0.0
        async for event in session:
            now = loop.time() - began
            if event.type == TRANSCRIPTION + "delta":
                first = first or now
            # A pause within it may end a turn; the last one counts.
            if event.type == TRANSCRIPTION + "completed":
                last = now
                if now > utterance.end + SILENCE_S:
                    break
        speaking.cancel()
    return first - utterance.begin, last - utterance.end - SILENCE_S
