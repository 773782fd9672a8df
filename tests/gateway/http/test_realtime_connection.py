"""A realtime session from a program's events to hushd's, without a worker."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from hushd.transcripts.segment import Segment
from hushd_gateway.http.realtime.session import Session
from hushd_gateway.http.realtime.socket import RealtimeConnection
from hushd_gateway.routing import Model
from hushd_protocol.errors import HushdError
from support.peer import BOUND_S

SECOND = 48_000  # bytes
COMPLETED = "conversation.item.input_audio_transcription.completed"
MANUAL, DETECTED = (
    {"type": "session.update", "session": {"audio": {"input": {"turn_detection": detection}}}}
    for detection in (None, {"type": "server_vad"})
)
UNCHANGED: dict[str, Any] = {"type": "session.update", "session": {}}


class Program:
    """A program that sends events, and hears all of its sound as one word once that ends."""

    def __init__(self) -> None:
        self.sounds: list[bytearray] = []
        self.cancelled = 0
        self.answers_never = False
        self.failure: HushdError | None = None  # hearings that begin have it
        self.told: list[dict[str, Any]] = []
        self._events: asyncio.Queue[str | None] = asyncio.Queue()
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        client = SimpleNamespace(listen=self._listen)
        engines: Any = SimpleNamespace(client=client, model=self._model, check=self._check, knows_one_language=bool)
        socket: Any = SimpleNamespace(receive=self._receive, send_text=self._send)
        self._running = asyncio.create_task(RealtimeConnection(socket, engines, Session("sess_1")).run())

    async def ask(self, *events: dict[str, Any]) -> None:
        for event in events:
            await self._events.put(json.dumps(event))

    async def append(self, sound: bytes) -> None:
        await self.ask({"type": "input_audio_buffer.append", "audio": base64.b64encode(sound).decode()})

    async def heard(self, sound: bytes) -> None:
        """Waits until a worker has this as the last sound."""
        async with asyncio.timeout(BOUND_S):
            while not self.sounds or self.sounds[-1] != sound:
                await asyncio.sleep(0)

    async def until(self, kind: str) -> dict[str, Any]:
        """Returns the next event of a kind."""
        async with asyncio.timeout(BOUND_S):
            while (event := await self._answers.get())["type"] != kind:
                self.told.append(event)
        self.told.append(event)
        return event

    async def __aenter__(self) -> Program:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._events.put(None)
        async with asyncio.timeout(BOUND_S):
            await self._running

    async def _receive(self) -> dict[str, Any]:
        text = await self._events.get()
        return {"type": "websocket.disconnect"} if text is None else {"type": "websocket.receive", "text": text}

    async def _send(self, text: str) -> None:
        await self._answers.put(json.loads(text))

    async def _check(self, model: str) -> None:
        if model == "missing":
            raise HushdError("model_missing", "There is none.")

    async def _model(self, *_: Any, **__: Any) -> Model:
        if self.failure:
            raise self.failure
        return Model()

    async def _listen(self, chunks: AsyncIterator[bytes], **_: Any) -> Any:
        self.sounds.append(sound := bytearray())
        return Word(chunks, sound, self)


class Word:
    """A transcription that is one word of a second's tenth, at the end of its sound."""

    def __init__(self, chunks: AsyncIterator[bytes], sound: bytearray, program: Program) -> None:
        self._chunks, self._sound, self._program = chunks, sound, program

    async def __aiter__(self) -> AsyncIterator[Segment]:
        try:
            async for chunk in self._chunks:
                self._sound += chunk
            if self._program.answers_never:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self._program.cancelled += 1
            raise
        yield Segment(0, 0.0, 0.1, "Word.")

    def wait_for_verdict(self) -> None: ...

    async def aclose(self) -> None: ...


COMMIT, CLEAR = ({"type": f"input_audio_buffer.{what}"} for what in ("commit", "clear"))


async def test_a_sample_may_come_in_two_messages() -> None:
    """A program cuts its sound anywhere: no byte is lost, and none of a turn goes into the next."""
    async with Program() as program:
        sound = bytes(range(1, 251)) * 40
        await program.ask(MANUAL)
        for begin in range(0, len(sound), 333):
            await program.append(sound[begin : begin + 333])
        await program.ask(COMMIT)
        await program.until(COMPLETED)
        assert program.sounds == [sound]
        await program.append(b"\7" * 9601)
        await program.ask(COMMIT)
        await program.until(COMPLETED)
        await program.append(b"\1\2" * 4800)
        await program.ask(COMMIT)
        await program.until(COMPLETED)
        assert program.sounds[2] == b"\1\2" * 4800


async def test_a_turn_goes_on_when_the_session_changes() -> None:
    """The program commits it; nothing said before the change is cut off from what follows."""
    async with Program() as program:
        change = {
            "type": "session.update",
            "session": {"audio": {"input": {"noise_reduction": {"type": "near_field"}}}},
        }
        await program.ask(MANUAL)
        await program.append(bytes(SECOND))
        await program.ask(change)
        await program.append(bytes(SECOND))
        await program.ask(COMMIT)
        await program.until(COMPLETED)
        assert [len(sound) for sound in program.sounds] == [2 * SECOND]


async def test_cleared_sound_is_neither_heard_nor_told() -> None:
    """The worker stops at once, and the next turn is of the sound behind it alone."""
    async with Program() as program:
        await program.ask(MANUAL)
        await program.append(bytes(SECOND))
        await program.heard(bytes(SECOND))
        await program.ask(CLEAR)
        await program.until("input_audio_buffer.cleared")
        await program.append(bytes(2 * SECOND))
        await program.ask(COMMIT)
        await program.until(COMPLETED)
        assert len(program.sounds[-1]) == 2 * SECOND
        assert program.cancelled == 1
        assert [event["type"] for event in program.told].count(COMPLETED) == 1


async def test_a_refused_change_changes_nothing() -> None:
    """An error names the model that is missing, and the session is as it was, also in all else that was sent."""
    changes = {"transcription": {"model": "missing"}, "turn_detection": None}
    async with Program() as program:
        before = (await program.until("session.created"))["session"]
        await program.ask({"type": "session.update", "session": {"audio": {"input": changes}}, "event_id": "mine"})
        error = (await program.until("error"))["error"]
        assert (error["message"], error["event_id"]) == ("There is none.", "mine")
        await program.ask({"type": "session.update", "session": {}})
        assert (await program.until("session.updated"))["session"] == before


async def test_times_count_from_the_beginning_of_the_session() -> None:
    """Whatever a program clears or changes in between: it finds each turn in the recording that it keeps."""
    async with Program() as program:
        await program.append(bytes(SECOND))
        await program.ask(CLEAR)
        times = []
        for rate, seconds in ((8_000, 1), (16_000, 2), (24_000, 3)):
            form = {"type": "audio/pcm", "rate": rate}
            await program.ask({"type": "session.update", "session": {"audio": {"input": {"format": form}}}})
            await program.append(bytes(2 * rate * seconds))
            await program.ask({"type": "session.update", "session": {"audio": {"input": {"format": None}}}})
            started = await program.until("input_audio_buffer.speech_started")
            stopped = await program.until("input_audio_buffer.speech_stopped")
            times.append((started["audio_start_ms"], stopped["audio_end_ms"]))
        assert times == [(1000, 2000), (2000, 4000), (4000, 7000)]


@pytest.mark.parametrize(("detection", "code", "errors"), [
    (DETECTED, "worker_failed", 3), (DETECTED, "model_missing", 1), (MANUAL, "worker_failed", 1),
])  # fmt: skip
async def test_further_sound_is_heard_again_only_where_that_could_help(
    detection: dict[str, Any], code: str, errors: int
) -> None:
    """A program that goes on sending hears of a missing model, or of a turn whose beginning is lost, once; hushd finds
    the turns behind one that a worker has lost. Cleared, all begins anew."""
    async with Program() as program:
        program.failure = HushdError(code, "Gone.")
        await program.ask(detection)
        for number in range(3):
            await program.append(bytes(SECOND))
            await program.until("error" if number < errors else "session.updated")
            await program.ask(UNCHANGED)
        program.failure = None
        await program.ask(CLEAR)
        await program.append(bytes(SECOND))
        await program.heard(bytes(SECOND))
        await program.ask({"type": "last"})
        while (await program.until("error"))["error"]["message"] == "Gone.":
            pass
    assert [event["type"] for event in program.told].count("error") == errors + 1


@pytest.mark.parametrize(("name", "sent_back"), [("n" * 256, True), ("n" * 257, False), (7, False), (None, False)])
async def test_an_error_names_the_event_by_its_own_id(name: Any, sent_back: bool) -> None:
    """Unless that is none, or longer than any program's: what an error takes is not the sender's to say."""
    async with Program() as program:
        await program.ask({"type": "nothing.known", "event_id": name})
        assert (await program.until("error"))["error"]["event_id"] == (name if sent_back else None)


async def test_a_program_that_leaves_stops_all_of_its_hearings() -> None:
    """The worker is free for others at once: nobody waits any more for a turn that was committed, either."""
    async with Program() as program:
        program.answers_never = True
        await program.ask(MANUAL)
        for piece in (b"\1" * SECOND, b"\2" * SECOND):
            await program.append(piece)
            await program.heard(piece)
            await program.ask(COMMIT)
            await program.until("input_audio_buffer.committed")
        await program.append(b"\3" * SECOND)
        await program.heard(b"\3" * SECOND)
    assert program.cancelled == 3
