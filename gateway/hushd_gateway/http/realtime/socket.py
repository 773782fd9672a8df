"""`WS /v1/realtime`: receives a session's events, and sends its own."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any

from hushd_protocol.errors import HushdError
from starlette.websockets import WebSocket, WebSocketDisconnect

from .. import context, fields
from ..errors import ApiError, bad
from ..security import KEY, report
from . import sealing
from .audio import Decoder
from .hearing import Hearing
from .session import Session, coding
from .speaking import Speaking, text_of, text_to_read
from .turns import Event, Items, Stream

LEAST_S = 0.1  # of sound in a commit, as OpenAI has it
UNSENT = 1000  # events; partial text waits for room
SEND_S = 30.0  # for a program that does not read
CLOSE_TOO_SLOW = 1008


async def serve(socket: WebSocket) -> None:
    """Serves one session until its program leaves."""
    offered = socket.scope.get("subprotocols", [])
    await socket.accept("realtime" if "realtime" in offered else None)
    there = context.of(socket)
    connection = Connection(socket, there, _session(socket, there, offered))
    await connection.run()


def _session(socket: WebSocket, there: context.Context, offered: list[str]) -> Session:
    """The session that the address asks for, or the one that a client secret carries."""
    sent = socket.headers.get("authorization", "").removeprefix("Bearer ")
    sent = sent or next((each[len(KEY) :] for each in offered if each.startswith(KEY)), "")
    sealed = sealing.opened(sent, there.token) or {}
    transcribes = socket.query_params.get("intent") == "transcription" or sealed.get("type") == "transcription"
    kind = "transcription" if transcribes else "realtime"
    session = Session(f"sess_{secrets.token_hex(8)}", kind, socket.query_params.get("model", ""))
    session.update(sealed)
    return session


class Connection:
    """One session."""

    def __init__(self, socket: WebSocket, there: context.Context, session: Session) -> None:
        self._socket = socket
        self._there = there
        self._session = session
        self._items = Items()
        self._hearing: Hearing | None = None  # that new sound belongs to
        self._hearings: set[Hearing] = set()  # under way
        self._decoder = Decoder(coding(session.input)[0])
        self._past_s = 0.0  # of sound, before the current hearing
        self._unread: list[str] = []
        self._speaking: tuple[Speaking, asyncio.Task[None]] | None = None
        self._outbox: asyncio.Queue[Event] = asyncio.Queue()
        self._sent = asyncio.Event()
        self._handlers: dict[str, Callable[[Event], Awaitable[None]]] = {
            "session.update": self._update,
            "transcription_session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create_item,
            "response.create": self._create_response,
            "response.cancel": self._cancel_response,
        }

    async def run(self) -> None:
        """Receives until the program leaves; then nothing of the session is left."""
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
            tasks += [self._speaking[1]] if self._speaking else []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # --- what is sent ------------------------------------------------------------------------------------------------

    def _post(self, events: Iterable[Event]) -> None:
        for event in events:
            self._outbox.put_nowait(event)

    async def _send(self) -> None:
        while True:
            event = await self._outbox.get()
            text = json.dumps({"event_id": f"event_{secrets.token_hex(8)}", **event}, ensure_ascii=False)
            async with asyncio.timeout(SEND_S):
                await self._socket.send_text(text.encode("utf-8", "replace").decode())
            self._sent.set()

    def _fail(self, error: ApiError, event: Mapping[str, Any]) -> None:
        name = event.get("event_id")
        self._post([{"type": "error", "error": {**error.data(), "event_id": name if isinstance(name, str) else None}}])

    # --- what is received --------------------------------------------------------------------------------------------

    async def _receive(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            event: Any = {}
            try:
                event = _event(message.get("text"))
                await self._handler(event["type"])(event)
            except ApiError as error:
                self._fail(error, event)
            except HushdError as error:
                self._fail(ApiError.of(error), event)

    def _handler(self, kind: str) -> Callable[[Event], Awaitable[None]]:
        if kind not in self._handlers:
            raise bad(f"There is no event of this type here: send one of {', '.join(self._handlers)}.", "type")
        return self._handlers[kind]

    async def _update(self, event: Event) -> None:
        before = json.dumps(self._session.input)
        self._session.update(event.get("session"))
        if json.dumps(self._session.input) != before and (self._hearing is None or self._hearing.vad):
            self._end_hearing()
        kind = event["type"].replace(".update", ".updated")
        self._post([{"type": kind, "session": self._session.data}])

    async def _append(self, event: Event) -> None:
        data = event.get("audio")
        try:
            sound = base64.b64decode(data, validate=True) if isinstance(data, str) else None
        except (binascii.Error, ValueError):
            sound = None
        if sound is None:
            raise bad("audio must be sound in base64.", "audio")
        if self._hearing is None or self._hearing.task.done():
            await self._begin_hearing()
        assert self._hearing is not None
        await self._hearing.add(self._decoder.decode(sound))

    async def _commit(self, event: Event) -> None:
        hearing = self._hearing
        if hearing is None or hearing.seconds < LEAST_S:
            raise ApiError(
                400, "Nothing to commit: append at least 100 ms of sound.", code="input_audio_buffer_commit_empty"
            )
        self._post(hearing.stream.commit(hearing.seconds))
        self._end_hearing()

    async def _clear(self, event: Event) -> None:
        if self._hearing is not None:
            self._hearing.cancel()
            self._end_hearing()
        self._post([{"type": "input_audio_buffer.cleared"}])

    async def _create_item(self, event: Event) -> None:
        item = event.get("item")
        text = text_of(item)
        if not text or not isinstance(item, dict):
            raise bad("item must be a message with text.", "item")
        self._unread.append(text)
        name = item.get("id") if isinstance(item.get("id"), str) else self._items.name()
        shown = {**item, "id": name, "object": "realtime.item", "status": "completed"}
        before, self._items.last = self._items.last, name
        self._post(
            {"type": f"conversation.item.{kind}", "previous_item_id": before, "item": shown}
            for kind in ("added", "done")
        )

    async def _create_response(self, event: Event) -> None:
        if self._speaking is not None:
            raise ApiError(
                400,
                "A response is under way: wait for response.done, or cancel it.",
                code="conversation_already_has_active_response",
            )
        response = event.get("response") or {}
        if not isinstance(response, dict):
            raise bad("response must be an object.", "response")
        text = text_to_read(response, self._unread)
        changed = Session("", "realtime")
        changed.update({"audio": {"output": self._session.output}})
        changed.update({"audio": response.get("audio") or {}})
        self._unread = []
        output = {"model": self._session.data.get("model"), **changed.output}
        speaking = Speaking(self._there, text, output)
        self._speaking = speaking, asyncio.create_task(self._speak(speaking))

    async def _cancel_response(self, event: Event) -> None:
        if self._speaking is None:
            raise ApiError(400, "No response is under way.", code="response_cancel_not_active")
        speaking, task = self._speaking
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._speaking = None
        self._post([speaking.cancelled()])

    # --- streams -----------------------------------------------------------------------------------------------------

    async def _begin_hearing(self) -> None:
        if self._hearing is not None:
            self._end_hearing()
        session = self._session
        asked = session.transcription()
        language = session.language()
        model = await self._there.stt(asked.get("model") or "", language, speed="fast")
        kind, rate = coding(session.input)
        self._decoder = Decoder(kind)
        listen = partial(
            self._there.client.listen,
            rate=rate,
            continuous=True,
            silence_s=session.silence_s(),
            engine=model.engine,
            model=model.model,
            language=language or None,
            prompt=asked.get("prompt") or None,
            hotwords=list(asked.get("keywords") or []) or None,
        )
        eager, unstable = asked.get("delay") == "minimal", fields.flag(asked, "unstable")
        stream = Stream(self._items, session.vad, self._past_s, eager=eager, unstable=unstable)
        hearing = Hearing(listen, rate, stream, self._post, vad=session.vad)
        self._hearing = hearing
        self._hearings.add(hearing)
        hearing.task.add_done_callback(partial(self._heard, hearing))

    def _end_hearing(self) -> None:
        """Ends the stream; sound that comes next belongs to another."""
        if self._hearing is not None:
            self._past_s += self._hearing.seconds
            self._hearing.close()
            self._hearing = None

    def _heard(self, hearing: Hearing, task: asyncio.Task[None]) -> None:
        self._hearings.discard(hearing)
        if not task.cancelled() and (error := task.exception()):
            report(error)
            self._fail(ApiError(500, "hushd failed at this: its log says where.", code="internal_error"), {})

    async def _speak(self, speaking: Speaking) -> None:
        async for event in speaking.events():
            while self._outbox.qsize() > UNSENT:
                self._sent.clear()
                await self._sent.wait()
            if event["type"] == "response.done":
                self._speaking = None
            self._post([event])


def _event(text: str | None) -> Event:
    try:
        event = fields.parse(text or "")
    except (ValueError, RecursionError):
        raise bad("An event must be JSON, in a message of text.") from None
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise bad("An event must be an object of JSON with a type.", "type")
    return event
