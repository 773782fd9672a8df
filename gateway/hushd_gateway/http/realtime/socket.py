"""`WS /v1/realtime`: receives a program's events, and sends hushd's."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from copy import copy
from functools import partial
from typing import Any

from hushd_protocol.errors import HushdError
from starlette.websockets import WebSocket, WebSocketDisconnect

from hushd_gateway import log, routing

from .. import fields
from ..errors import ApiError, bad
from . import g711
from .hearing import Hearing
from .session import PCM, Session
from .turns import Event, HeardStream, Items

MIN_COMMIT_S = 0.1  # seconds of sound in a commit; OpenAI's API has the same
NAME = 256  # characters of an event's id that is sent back
REALTIME_SEND_TIMEOUT_S = 30.0  # seconds for a program that does not read
CLOSE_TOO_SLOW = 1008


async def serve(socket: WebSocket) -> None:
    """Serves one session until its program disconnects."""
    offered = socket.scope.get("subprotocols", [])
    session, engines = Session(f"sess_{secrets.token_hex(8)}", socket.query_params.get("model", "")), routing.of(socket)
    session.update(socket.scope.get("session", {}))  # a client secret brings a session
    await engines.check(session.model)
    await socket.accept("realtime" if "realtime" in offered else None)
    await RealtimeConnection(socket, routing.for_caller(socket), session).run()


class RealtimeConnection:
    """One session."""

    def __init__(self, socket: WebSocket, engines: routing.Engines, session: Session) -> None:
        self._socket = socket
        self._engines = engines
        self._session = session
        self._items = Items()
        self._hearing: Hearing | None = None  # receives new sound
        self._hearings: set[Hearing] = set()  # hearings under way
        self._coding = PCM  # coding of the current hearing's sound
        self._incomplete = b""  # half of a sample, whose rest is in the next message
        self._past_s = 0.0  # seconds of sound before the current hearing
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._handlers: dict[str, Callable[[Event], Awaitable[None]]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
        }

    async def run(self) -> None:
        """Receives events until the program disconnects; then ends the session's tasks."""
        self._post([{"type": "session.created", "session": self._session.data}])
        tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._send())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except (WebSocketDisconnect, OSError, RuntimeError):
            pass  # the program has left
        except TimeoutError:
            await self._socket.close(CLOSE_TOO_SLOW)
        finally:
            tasks += [hearing.task for hearing in self._hearings]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # --- sending -----------------------------------------------------------------------------------------------------

    def _post(self, events: Iterable[Event]) -> None:
        for event in events:
            text = json.dumps({"event_id": f"event_{secrets.token_hex(8)}", **event}, ensure_ascii=False)
            self._outbox.put_nowait(text.encode("utf-8", "replace").decode())

    async def _send(self) -> None:
        while True:
            text = await self._outbox.get()
            async with asyncio.timeout(REALTIME_SEND_TIMEOUT_S):
                await self._socket.send_text(text)

    def _fail(self, error: ApiError, event: Mapping[str, Any]) -> None:
        name = event.get("event_id")
        name = name if isinstance(name, str) and len(name) <= NAME else None
        self._post([{"type": "error", "error": {**error.data(), "event_id": name}}])

    # --- receiving ---------------------------------------------------------------------------------------------------

    async def _receive(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await self._handle(message.get("text") or "")

    async def _handle(self, text: str) -> None:
        event: Event = {}
        try:
            event = _event(text)
            kind = event["type"]
            if kind not in self._handlers:
                raise bad(f"This type of event is unknown here: send one of {', '.join(self._handlers)}.", "type")
            await self._handlers[kind](event)
        except (ApiError, HushdError) as error:
            self._fail(ApiError.of(error) if isinstance(error, HushdError) else error, event)

    async def _update(self, event: Event) -> None:
        before, changed = self._session.input, copy(self._session)
        changed.update(event.get("session"))
        if changed.model != self._session.model:
            await self._engines.check(changed.model)
        self._session = changed
        if changed.input != before and (self._hearing is None or self._hearing.vad):
            self._end_hearing()
        self._post([{"type": "session.updated", "session": self._session.data}])

    async def _append(self, event: Event) -> None:
        try:
            sound = base64.b64decode(event["audio"], validate=True)
        except (LookupError, TypeError, ValueError):
            raise bad("audio must be sound in base64.", "audio") from None
        hearing = self._hearing
        if hearing is None or (hearing.task.done() and not hearing.failed):
            hearing = self._begin_hearing()
        if self._coding != PCM:
            sound = g711.decoded(sound, self._coding)
        sound = self._incomplete + sound
        whole = len(sound) & ~1
        self._incomplete = sound[whole:]
        await hearing.add(sound[:whole])

    async def _commit(self, event: Event) -> None:
        hearing = self._hearing
        if hearing is None or hearing.seconds < MIN_COMMIT_S:
            raise ApiError(
                400, "Nothing to commit: append at least 100 ms of sound.", code="input_audio_buffer_commit_empty"
            )
        self._post(hearing.stream.commit(hearing.seconds))
        self._end_hearing()

    async def _clear(self, event: Event) -> None:
        if self._hearing is not None:
            self._hearing.clear()
            self._end_hearing()
        self._post([{"type": "input_audio_buffer.cleared"}])

    # --- streams -----------------------------------------------------------------------------------------------------

    def _begin_hearing(self) -> Hearing:
        if self._hearing is not None:
            self._end_hearing()
        session = self._session
        listen = partial(
            self._engines.client.listen,
            rate=session.rate,
            continuous=True,
            silence_s=session.silence_s(),
            turn_end=session.turn_end(),
            **session.options(),
        )
        choose = partial(self._engines.model, session.model, session.language(), speed="fast")
        alone = self._engines.knows_one_language
        unstable = fields.flag(session.transcription(), "unstable")
        stream = HeardStream(self._items, self._past_s, vad=session.vad, unstable=unstable, logprobs=session.logprobs)
        self._incomplete, self._coding = b"", session.coding
        hearing = self._hearing = Hearing(
            listen, session.rate, stream, self._post, vad=session.vad, choose=choose, alone=alone
        )
        self._hearings.add(hearing)
        hearing.task.add_done_callback(partial(self._hearing_done, hearing))
        return hearing

    def _end_hearing(self) -> None:
        """Ends the stream; further sound belongs to the next one."""
        if self._hearing is not None:
            self._past_s += self._hearing.seconds
            self._hearing.close()
            self._hearing = None

    def _hearing_done(self, hearing: Hearing, task: asyncio.Task[None]) -> None:
        self._hearings.discard(hearing)
        if not task.cancelled() and (error := task.exception()):
            log.report(error, "an HTTP request")
            self._fail(ApiError(500, "hushd failed at this: its log says where.", code="internal_error"), {})


def _event(text: str) -> Event:
    try:
        event = fields.parse(text)
    except (ValueError, RecursionError):
        raise bad("An event must be JSON, in a message of text.") from None
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise bad("An event must be an object of JSON with a type.", "type")
    return event
