"""Realtime sessions by the official `openai` package, with the real engines."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from hushd_gateway.http.realtime.audio import ALAW, PCM, ULAW, Encoder
from support.http_gateway import HttpGateway
from support.peer import BOUND_S
from support.wer import BECKETT, word_error_rate

Connection = Any
HALF, HALF_S = "Ever tried. Ever failed. No matter.", 4.5  # of BECKETT, and where it ends
COMPLETED = "conversation.item.input_audio_transcription.completed"


@pytest.fixture(scope="module")
def sound(beckett: Path) -> Callable[[int], bytes]:
    samples, rate = soundfile.read(beckett, dtype="float32")

    def resampled(wanted: int) -> bytes:
        found = soxr.resample(samples, rate, wanted)
        return (np.clip(found, -1, 1) * 32767).astype("<i2").tobytes()

    return resampled


def session(gateway: HttpGateway, use: Callable[[Connection], Awaitable[None]], **query: str) -> None:
    """Opens a session, and has `use` use it: for many answers, and so for a multiple of what one is waited for."""

    from openai import AsyncOpenAI

    async def run() -> None:
        async with (
            AsyncOpenAI(base_url=gateway.url, api_key="none") as client,
            asyncio.timeout(4 * BOUND_S),
            client.realtime.connect(extra_query=query or {"intent": "transcription"}) as connection,
        ):
            await use(connection)

    asyncio.run(run())


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
    connection: Connection,
    detection: Any,
    form: dict[str, Any] | None = None,
    model: str = "gpt-4o-transcribe",
) -> None:
    heard = {"format": form or {"type": PCM, "rate": 24000}, "turn_detection": detection}
    heard["transcription"] = {"model": model, "language": "en"}
    await connection.session.update(session={"type": "transcription", "audio": {"input": heard}})


@pytest.mark.parametrize(
    "detection",
    [pytest.param({"type": "server_vad"}, marks=pytest.mark.night), {"type": "semantic_vad", "eagerness": "high"}],
)
def test_turns_are_found_and_transcribed(
    gateway: HttpGateway, sound: Callable[[int], bytes], detection: dict[str, Any]
) -> None:
    """Each utterance is an item: started, partial text, stopped, committed, completed, in this order."""

    async def use(connection: Connection) -> None:
        await _configure(connection, detection)
        await append(connection, sound(24000), silence=96_000)
        events: list[Any] = []
        said = ""
        async for event in connection:
            events.append(event)
            assert event.type != "error", event
            if event.type == COMPLETED:
                said += " " + event.transcript
                if "better" in event.transcript:
                    break
        assert word_error_rate(BECKETT, said) <= 0.35
        last = events[-1].item_id
        kinds = [event.type for event in events if getattr(event, "item_id", "") == last]
        assert kinds[0] == "input_audio_buffer.speech_started"
        assert kinds[-3:] == ["input_audio_buffer.speech_stopped", "input_audio_buffer.committed", COMPLETED]
        commits = [event for event in events if event.type == "input_audio_buffer.committed"]
        assert [each.previous_item_id for each in commits[1:]] == [each.item_id for each in commits[:-1]]

    session(gateway, use)


@pytest.mark.parametrize(
    "form",
    [
        {"type": ULAW},
        *(
            pytest.param(form, marks=pytest.mark.night)
            for form in ({"type": PCM, "rate": 24000}, {"type": PCM, "rate": 16000}, {"type": ALAW})
        ),
    ],
)
def test_the_program_may_commit_its_turns(
    gateway: HttpGateway, sound: Callable[[int], bytes], form: dict[str, Any]
) -> None:
    """Without turn detection all that was appended is one item, in each coding; a second one follows it."""
    rate = form.get("rate", 8000)

    async def use(connection: Connection) -> None:
        await _configure(connection, None, form)
        coded = Encoder(form["type"]).encode(sound(rate)[: int(2 * HALF_S * rate)])
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

    session(gateway, use)


def test_errors_are_events_and_the_session_goes_on(gateway: HttpGateway) -> None:
    """An event that does not fit is answered by an error with its own id, and nothing else changes."""

    async def use(connection: Connection) -> None:
        wrong = (
            {"type": "nothing.known", "event_id": "a"},
            {"type": "input_audio_buffer.append", "audio": "%%", "event_id": "b"},
            {"type": "input_audio_buffer.commit", "event_id": "c"},
            {"type": "session.update", "session": {"include": ["x"]}, "event_id": "d"},
            {"type": "session.update", "session": {"audio": {"input": {"format": 7}}}, "event_id": "e"},
            {"type": "response.create", "event_id": "f"},
            {"type": "response.cancel", "event_id": "g"},
            {"type": "conversation.item.create", "item": "text", "event_id": "h"},
            {"type": "conversation.item.retrieve", "event_id": "i"},
            {"type": "session.update", "session": {"output_modalities": ["smell"]}, "event_id": "j"},
        )
        for event in wrong:
            await connection.send(event)
            *_, answer = [event async for event in _until(connection, "error")]
            assert answer.error.event_id == event["event_id"]
            assert answer.error.type == "invalid_request_error"
        await connection.input_audio_buffer.clear()
        *_, last = [event async for event in _until(connection, "input_audio_buffer.cleared")]
        assert last.type == "input_audio_buffer.cleared"

    session(gateway, use)


@pytest.mark.parametrize(
    ("form", "least"),
    [({"type": PCM, "rate": 24000}, 48_000), pytest.param({"type": ULAW}, 8000, marks=pytest.mark.night)],
)
def test_text_is_read_aloud(gateway: HttpGateway, form: dict[str, Any], least: int) -> None:
    """A response has the life of OpenAI's: created, audio, done; its transcript is the text."""

    async def use(connection: Connection) -> None:
        await connection.response.create(
            response={
                "input": [
                    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Good morning."}]}
                ],
                "audio": {"output": {"voice": "cedar", "format": form}},
                "metadata": {"client_event_id": "mine"},
            }
        )
        events = [event async for event in _until(connection, "response.done")]
        responses = [event.response for event in events if event.type in ("response.created", "response.done")]
        assert [response.metadata for response in responses] == 2 * [{"client_event_id": "mine"}]
        audio = b"".join(base64.b64decode(e.delta) for e in events if e.type == "response.output_audio.delta")
        assert len(audio) > least
        assert events[-1].response.status == "completed"
        assert events[-1].response.output[0].content[0].transcript == "Good morning."

    session(gateway, use, model="gpt-realtime")


async def _two_speakers(connection: Connection, beckett: Path) -> list[Any]:
    """Has Nagg, and after a breath Nell, written down by the model that tells speakers apart; returns the events."""
    samples, rate = soundfile.read(beckett.with_name("endgame_nagg_nell.wav"), dtype="float32")
    both = samples[round(4.6 * rate) : round(11.7 * rate)]
    pcm = (np.clip(soxr.resample(both, rate, 24000), -1, 1) * 32767).astype("<i2").tobytes()
    await _configure(connection, None, model="gpt-4o-transcribe-diarize")
    await append(connection, pcm)
    await connection.input_audio_buffer.commit()
    return [event async for event in _until(connection, COMPLETED)]


@pytest.mark.night
def test_speakers_are_told_apart(gateway: HttpGateway, beckett: Path) -> None:
    """By OpenAI's model for that each segment is an event of its own with its speaker, in the package's own type."""

    async def use(connection: Connection) -> None:
        from openai.types.realtime import ConversationItemInputAudioTranscriptionSegment

        events = await _two_speakers(connection, beckett)
        segments = [event for event in events if isinstance(event, ConversationItemInputAudioTranscriptionSegment)]
        assert [segment.speaker for segment in segments] == ["A", "B"]
        assert abs(segments[1].start - 3.9) < 0.6
        assert events[-1].transcript == " ".join(segment.text for segment in segments)

    session(gateway, use)


def test_a_response_can_be_cancelled(gateway: HttpGateway) -> None:
    """One response at a time; after `cancel` it is done, and another may begin."""

    async def use(connection: Connection) -> None:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "A sentence. " * 500}]}
        await connection.conversation.item.create(item=item)
        await connection.response.create()
        await connection.response.create()
        *_, error = [event async for event in _until(connection, "error")]
        assert error.error.code == "conversation_already_has_active_response"
        await connection.response.cancel(response_id="another")
        *_, error = [event async for event in _until(connection, "error")]
        assert error.error.code == "response_cancel_not_active"
        await connection.response.cancel()
        *_, done = [event async for event in _until(connection, "response.done")]
        assert done.response.status == "cancelled"

    session(gateway, use, model="gpt-realtime")


def test_what_sdks_send_by_themselves_is_answered(gateway: HttpGateway) -> None:
    """Items can be retrieved, truncated and deleted, and the output cleared, as by OpenAI's own client."""

    async def use(connection: Connection) -> None:
        async def answer(kind: str) -> Any:
            events = [event async for event in _until(connection, kind)]
            assert "error" not in {event.type for event in events[:-1]}
            return events[-1]

        first = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Never read this."}]}
        await connection.conversation.item.create(item={**first, "id": "first"})
        second = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Good morning."}]}
        await connection.conversation.item.create(item={**second, "id": "second"}, previous_item_id="root")
        await connection.send(
            {
                "type": "conversation.item.create",
                "item": {"type": "function_call_output", "call_id": "call", "output": "{}"},
            }
        )
        await connection.conversation.item.delete(item_id="first")
        assert (await answer("conversation.item.deleted")).item_id == "first"
        await connection.response.create()
        done = (await answer("response.done")).response
        assert done.output[0].content[0].transcript == "Good morning."
        name = done.output[0].id
        await connection.conversation.item.retrieve(item_id=name)
        assert (await answer("conversation.item.retrieved")).item.content[0].transcript == "Good morning."
        await connection.conversation.item.truncate(item_id=name, content_index=0, audio_end_ms=300)
        truncated = await answer("conversation.item.truncated")
        assert (truncated.item_id, truncated.content_index, truncated.audio_end_ms) == (name, 0, 300)
        await connection.conversation.item.retrieve(item_id=name)
        assert (await answer("conversation.item.retrieved")).item.content[0].transcript is None
        await connection.output_audio_buffer.clear()
        assert (await answer("output_audio_buffer.cleared")).response_id == done.id
        await connection.conversation.item.delete(item_id="first")
        assert (await answer("error")).error.code == "item_delete_invalid_item_id"

    session(gateway, use, model="gpt-realtime")


def test_a_client_secret_carries_its_session(gateway: HttpGateway) -> None:
    """A session opened with a secret begins as the secret's maker configured it."""
    from openai import AsyncOpenAI

    async def run() -> None:
        async with AsyncOpenAI(base_url=gateway.url, api_key="none") as client:
            made = await client.realtime.client_secrets.create(
                session={"type": "transcription", "audio": {"input": {"turn_detection": None}}}
            )
        async with (
            AsyncOpenAI(base_url=gateway.url, api_key=made.value) as page,
            page.realtime.connect(extra_query={}) as connection,
        ):
            event = await connection.recv()
            assert event.session.type == "transcription"
            assert event.session.audio.input.turn_detection is None

    asyncio.run(run())
