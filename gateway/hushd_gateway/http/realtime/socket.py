"""`WS /v1/realtime`: receives a program's events, and sends hushd's."""

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
from hushd_schema.kinds import whole
from starlette.websockets import WebSocket, WebSocketDisconnect

from hushd_gateway import log

from .. import context, fields
from ..errors import ApiError, bad
from ..security import keys_of
from . import client_secrets
from .audio import Decoder
from .hearing import Hearing
from .items import Items
from .session import Session, coding, is_spoken
from .speaking import Speaking, text_to_read
from .turns import Event, Stream

LEAST_S = 0.1  # of sound in a commit, as in OpenAI's API
UNSENT = 256 * 1024  # characters of unsent events beyond which nothing more is received or spoken
PLAIN = 1024 * 1024  # characters of an event without sound
METADATA = 16 * 1024  # characters of a response's metadata, as JSON
NAME = 256  # characters of an item's id
SEND_S = 30.0  # for a program that does not read
CLOSE_TOO_SLOW = 1008
APPEND = "input_audio_buffer.append"
_ITEM = ("type", "role", "content", "call_id", "name", "arguments", "output")  # the keys of an item that are kept


async def serve(socket: WebSocket) -> None:
    """Serves one session until its program disconnects."""
    offered = socket.scope.get("subprotocols", [])
    await socket.accept("realtime" if "realtime" in offered else None)
    shared = context.of(socket)
    connection = Connection(socket, shared, _session(socket, shared))
    await connection.run()


def _session(socket: WebSocket, shared: context.Context) -> Session:
    """Returns the session that the URL asks for, or the one in a client secret."""
    sent = keys_of(socket.scope, socket.headers)
    sealed = next(filter(None, (client_secrets.opened(key, shared.token) for key in sent)), {})
    transcribes = socket.query_params.get("intent") == "transcription" or sealed.get("type") == "transcription"
    kind = "transcription" if transcribes else "realtime"
    session = Session(f"sess_{secrets.token_hex(8)}", kind, socket.query_params.get("model", ""))
    session.update(sealed)
    return session


class Connection:
    """One session."""

    def __init__(self, socket: WebSocket, shared: context.Context, session: Session) -> None:
        self._socket = socket
        self._shared = shared
        self._session = session
        self._items = Items()
        self._hearing: Hearing | None = None  # receives new sound
        self._hearings: set[Hearing] = set()  # under way
        self._decoder = Decoder(coding(session.input)[0])
        self._past_s = 0.0  # of sound before the current hearing
        self._speaking: tuple[Speaking, asyncio.Task[None]] | None = None
        self._last_response = ""
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._unsent = 0  # characters in the queue
        self._sent = asyncio.Event()
        self._handlers: dict[str, Callable[[Event], Awaitable[None]]] = {
            "session.update": self._update,
            APPEND: self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "output_audio_buffer.clear": self._clear_output,
            "conversation.item.create": self._create_item,
            "conversation.item.retrieve": self._retrieve_item,
            "conversation.item.truncate": self._truncate_item,
            "conversation.item.delete": self._delete_item,
            "response.create": self._create_response,
            "response.cancel": self._cancel_response,
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
            tasks += [self._speaking[1]] if self._speaking else []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # --- sending -----------------------------------------------------------------------------------------------------

    def _post(self, events: Iterable[Event]) -> None:
        for event in events:
            text = json.dumps({"event_id": f"event_{secrets.token_hex(8)}", **event}, ensure_ascii=False)
            self._outbox.put_nowait(text.encode("utf-8", "replace").decode())
            self._unsent += len(text)

    async def _send(self) -> None:
        while True:
            text = await self._outbox.get()
            async with asyncio.timeout(SEND_S):
                await self._socket.send_text(text)
            self._unsent -= len(text)
            self._sent.set()

    async def _room(self) -> None:
        """Waits until the program has read most of the events."""
        while self._unsent > UNSENT:
            self._sent.clear()
            await self._sent.wait()

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
            await self._take(message.get("text") or "")
            await self._room()

    async def _take(self, text: str) -> None:
        event: Any = {}
        try:
            if len(text) > context.LARGE:
                async with self._shared.turn:  # short requests of other programs go in between
                    await asyncio.sleep(0)
                    event = _event(text)
            else:
                event = _event(text)
            await self._handler(event["type"])(event)
        except ApiError as error:
            self._fail(error, event)
        except HushdError as error:
            self._fail(ApiError.of(error), event)

    def _handler(self, kind: str) -> Callable[[Event], Awaitable[None]]:
        if kind not in self._handlers:
            raise bad(f"This type of event is unknown here: send one of {', '.join(self._handlers)}.", "type")
        return self._handlers[kind]

    async def _update(self, event: Event) -> None:
        before = self._session.input
        self._session.update(event.get("session"))
        if self._session.input != before and (self._hearing is None or self._hearing.vad):
            self._end_hearing()
        self._post([{"type": "session.updated", "session": self._session.data}])

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
            self._hearing.clear()
            self._end_hearing()
        self._post([{"type": "input_audio_buffer.cleared"}])

    async def _create_item(self, event: Event) -> None:
        item, after = event.get("item"), event.get("previous_item_id")
        if not isinstance(item, dict):
            raise bad("item must be an object.", "item")
        sent = item.get("id")
        name = sent if isinstance(sent, str) and 0 < len(sent) <= NAME else self._items.name()
        kept_fields = {key: item[key] for key in _ITEM if key in item}
        kept_fields |= {"id": name, "object": "realtime.item", "status": "completed"}
        before = self._items.create(kept_fields, after)
        self._post(
            {"type": f"conversation.item.{kind}", "previous_item_id": before, "item": kept_fields}
            for kind in ("added", "done")
        )

    async def _retrieve_item(self, event: Event) -> None:
        item = self._items.find(event.get("item_id"), "retrieve")
        self._post([{"type": "conversation.item.retrieved", "item": item}])

    async def _truncate_item(self, event: Event) -> None:
        name = event.get("item_id")
        place = {each: fields.value(event, each, whole(0, 2**31)) or 0 for each in ("content_index", "audio_end_ms")}
        self._items.truncate(name)
        self._post([{"type": "conversation.item.truncated", "item_id": name, **place}])

    async def _delete_item(self, event: Event) -> None:
        name = event.get("item_id")
        self._items.delete(name)
        self._post([{"type": "conversation.item.deleted", "item_id": name}])

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
        text = text_to_read(response, self._items.unread)
        data = self._session.with_response(response)
        metadata = fields.record(response, "metadata")
        if len(json.dumps(metadata)) > METADATA:
            raise bad(f"metadata has at most {METADATA // 1024} KB.", "response.metadata")
        self._items.all_read()
        output = {"model": data.get("model"), **data["audio"].get("output", {})}
        speaking = Speaking(self._shared, self._items, text, output, metadata or None, aloud=is_spoken(data))
        self._speaking, self._last_response = (speaking, asyncio.create_task(self._speak(speaking))), speaking.name

    async def _cancel_response(self, event: Event) -> None:
        if self._speaking is None or event.get("response_id") not in (None, self._speaking[0].name):
            raise ApiError(400, "No such response is under way.", code="response_cancel_not_active")
        await self._silence()

    async def _clear_output(self, event: Event) -> None:
        """Ends the response under way: of its sound, only the part not yet made is buffered."""
        name = await self._silence() if self._speaking is not None else self._last_response
        self._post([{"type": "output_audio_buffer.cleared", "response_id": name}])

    async def _silence(self) -> str:
        """Cancels the response under way; returns its id."""
        assert self._speaking is not None
        speaking, task = self._speaking
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._speaking = None
        self._post([speaking.cancelled()])
        return speaking.name

    # --- streams -----------------------------------------------------------------------------------------------------

    async def _begin_hearing(self) -> None:
        if self._hearing is not None:
            self._end_hearing()
        session = self._session
        transcription, language, options = session.transcription(), session.language(), session.options()
        model = await self._shared.stt(
            transcription.get("model") or "", language, logprobs=session.logprobs, speed="fast"
        )
        kind, rate = coding(session.input)
        self._decoder = Decoder(kind)
        listen = partial(
            self._shared.client.listen,
            rate=rate,
            continuous=True,
            silence_s=session.silence_s(),
            turn_end=session.turn_end(),
            engine=model.engine,
            model=model.model,
            **options,
        )
        stream = Stream(
            self._items,
            self._past_s,
            vad=session.vad,
            eager=transcription.get("delay") == "minimal",
            unstable=fields.flag(transcription, "unstable"),
            logprobs=session.logprobs,
        )
        hearing = Hearing(listen, rate, stream, self._post, vad=session.vad)
        self._hearing = hearing
        self._hearings.add(hearing)
        hearing.task.add_done_callback(partial(self._hearing_done, hearing))

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

    async def _speak(self, speaking: Speaking) -> None:
        async for event in speaking.events():
            await self._room()
            if event["type"] == "response.done":
                self._speaking = None
            self._post([event])


def _event(text: str) -> Event:
    if len(text) > PLAIN and not (APPEND in text[: context.LARGE] or APPEND in text[-context.LARGE :]):
        raise bad(f"An event without sound has at most {PLAIN // 2**20} MB.", "type")
    try:
        event = fields.parse(text)
    except (ValueError, RecursionError):
        raise bad("An event must be JSON, in a message of text.") from None
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise bad("An event must be an object of JSON with a type.", "type")
    return event
