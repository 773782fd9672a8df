"""Realtime sessions by the official `openai` package, with the real engines."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from hushd_gateway.http.realtime.session import PCM
from support.http_gateway import HttpGateway
from support.wer import word_error_rate

Connection = Any
HALF, HALF_S = "Ever tried. Ever failed. No matter.", 4.5  # of BECKETT, and where it ends
MISSING: dict[str, Any] = {"transcription": {"model": "onnx-asr/nemo-canary-1b-v2"}}
COMPLETED = "conversation.item.input_audio_transcription.completed"
FAILED = "conversation.item.input_audio_transcription.failed"


@pytest.fixture(scope="module")
def sound(beckett: Path) -> Callable[[int], bytes]:
    samples, rate = soundfile.read(beckett, dtype="float32")

    def resampled(wanted: int) -> bytes:
        found = soxr.resample(samples, rate, wanted)
        return (np.clip(found, -1, 1) * 32767).astype("<i2").tobytes()

    return resampled


@asynccontextmanager
async def session(gateway: HttpGateway) -> AsyncIterator[Connection]:
    from openai import AsyncOpenAI

    async with (
        AsyncOpenAI(base_url=gateway.url, api_key="none") as client,
        client.realtime.connect(extra_query={"intent": "transcription"}) as connection,
    ):
        yield connection


async def append(connection: Connection, sound: bytes, silence: int = 0) -> None:
    for start in range(0, len(sound), 9600):
        await connection.input_audio_buffer.append(audio=base64.b64encode(sound[start : start + 9600]).decode())
    if silence:
        await connection.input_audio_buffer.append(audio=base64.b64encode(bytes(silence)).decode())


async def _until(connection: Connection, kind: str) -> AsyncIterator[Any]:
    async for event in connection:
        yield event
        if event.type == kind:
            return


async def _configure(
    connection: Connection, detection: Any, form: dict[str, Any] | None = None, model: str = "gpt-4o-transcribe"
) -> None:
    heard = {"format": form or {"type": PCM, "rate": 24000}, "turn_detection": detection}
    heard["transcription"] = {"model": model, "language": "en"}
    await connection.session.update(session={"type": "transcription", "audio": {"input": heard}})


@pytest.mark.parametrize(
    "detection",
    [pytest.param({"type": "server_vad"}, marks=pytest.mark.night), {"type": "semantic_vad", "eagerness": "high"}],
)
async def test_turns_are_found_and_transcribed(
    gateway: HttpGateway, sound: Callable[[int], bytes], detection: dict[str, Any]
) -> None:
    """Each utterance is an item: started, partial text, stopped, committed, completed, in this order."""
    async with session(gateway) as connection:
        await _configure(connection, detection)
        await append(connection, sound(24000)[: int(2 * HALF_S * 24000)], silence=96_000)
        events: list[Any] = []
        said = ""
        async for event in connection:
            events.append(event)
            assert event.type != "error", event
            if event.type == COMPLETED:
                said += " " + event.transcript
                if "matter" in event.transcript:
                    break
        assert word_error_rate(HALF, said) <= 0.35
        last = events[-1].item_id
        kinds = [event.type for event in events if getattr(event, "item_id", "") == last]
        assert kinds[0] == "input_audio_buffer.speech_started"
        assert kinds[-3:] == ["input_audio_buffer.speech_stopped", "input_audio_buffer.committed", COMPLETED]
        commits = [event for event in events if event.type == "input_audio_buffer.committed"]
        assert len(commits) > 1
        assert [each.previous_item_id for each in commits[1:]] == [each.item_id for each in commits[:-1]]


@pytest.mark.parametrize("rate", [16_000, pytest.param(24_000, marks=pytest.mark.night)])
async def test_the_program_may_commit_its_turns(gateway: HttpGateway, sound: Callable[[int], bytes], rate: int) -> None:
    """All that was appended is one item without turn detection, at each rate; a second one follows it."""
    async with session(gateway) as connection:
        await _configure(connection, None, {"type": PCM, "rate": rate})
        coded = sound(rate)[: int(2 * HALF_S * rate)]
        await append(connection, coded)
        await connection.input_audio_buffer.commit()
        await append(connection, coded)
        await connection.input_audio_buffer.commit()
        committed, texts = [], {}
        async for event in connection:
            assert event.type != "error", event
            if event.type == "input_audio_buffer.committed":
                committed.append(event)
            if event.type == COMPLETED:
                texts[event.item_id] = event.transcript
                if len(texts) == 2:
                    break
        assert committed[1].previous_item_id == committed[0].item_id
        assert set(texts) == {event.item_id for event in committed}
        assert all(word_error_rate(HALF, text) <= 0.45 for text in texts.values())


async def test_errors_are_events_and_the_session_goes_on(gateway: HttpGateway) -> None:
    """An event that does not fit is answered by an error with its own id, and nothing else changes."""
    async with session(gateway) as connection:
        wrong = (
            {"type": "nothing.known", "event_id": "a"},
            {"type": "input_audio_buffer.append", "audio": "%%", "event_id": "b"},
            {"type": "input_audio_buffer.commit", "event_id": "c"},
            {"type": "session.update", "session": {"audio": {"input": {"format": 7}}}, "event_id": "e"},
            {"type": "response.create", "event_id": "f"},
            {"type": "session.update", "session": {"audio": {"input": MISSING}}, "event_id": "g"},
        )
        for event in wrong:
            await connection.send(event)
            *_, answer = [event async for event in _until(connection, "error")]
            assert answer.error.event_id == event["event_id"]
            assert answer.error.type == "invalid_request_error"
        await connection.input_audio_buffer.clear()
        *_, last = [event async for event in _until(connection, "input_audio_buffer.cleared")]
        assert last.type == "input_audio_buffer.cleared"


@pytest.mark.parametrize(
    ("detection", "model"), [(None, "whisper-1"), (None, "moonshine/tiny-en"), ({"type": "server_vad"}, "whisper-1")]
)
async def test_sound_that_cannot_be_heard_is_one_error_and_one_failed_item(
    gateway: HttpGateway, detection: Any, model: str
) -> None:
    """A language that no model here knows is said once, however long the program goes on sending, and a commit of all
    that sound is an item that has failed."""
    async with session(gateway) as connection:
        heard = {"turn_detection": detection, "transcription": {"model": model, "language": "de"}}
        await connection.session.update(session={"type": "transcription", "audio": {"input": heard}})
        await append(connection, bytes(9600))
        first = [event async for event in _until(connection, "error")]
        for _ in range(3):
            await append(connection, bytes(9600))
        await connection.input_audio_buffer.commit()
        rest = [event async for event in _until(connection, FAILED)]
    assert "hushd get de" in first[-1].error.message
    assert [event.type for event in rest if event.type.startswith(("error", "input_audio_buffer"))] == [
        "input_audio_buffer.committed"
    ]
    assert rest[-1].error.message == first[-1].error.message
