"""The application of the process that serves MCP: Streamable HTTP by the SDK, for the gateway and for pipes.

A session has a server, tasks and limits of its own, and its last messages, so that a client whose connection broke
reads on. One over HTTP begins by `initialize`, and is named by the SDK. A pipe's (`hushd mcp`) is named by the pipe and
begins by a GET that stays open: its end is the host's, and ends the session. Requests of 2026's protocol, which has no
sessions, share one that never ends, unless they come by a pipe.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
import traceback
from collections import deque

from hushd_protocol import JsonObject
from hushd_protocol.system.footprint import trim
from hushd_protocol.system.uploads import HOST, PIPE
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER, EventCallback, EventMessage, EventStore
from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    encode_header_value,
)
from mcp_types import PROTOCOL_VERSION_META_KEY, JSONRPCMessage
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from hushd_mcp import greeting
from hushd_mcp.calls import Calls
from hushd_mcp.server import AgentServer
from hushd_mcp.work import RESULT_S, TaskRegistry

MAX_HTTP_SESSIONS = 256
PIPE_IDLE_S = 60.0  # seconds without a request, after which a pipe's session ends: its next request begins another
BEAT_S = 5.0  # seconds between two signs of life
SESSION_END_TIMEOUT_S = 1.0  # seconds for the answers to requests of a session that ends
_REPLAYED = 256  # last messages of a session


class SharedTasks(TaskRegistry):
    """The tasks of all clients without sessions: none ends another's."""

    most = MAX_HTTP_SESSIONS

    def _reclaim(self) -> None:
        """Leaves the microphone to whoever has it: a client that gives up closes its request, which ends the task."""


class LastMessages(EventStore):
    """The last messages of a session, with their numbers and streams."""

    def __init__(self) -> None:
        self._count = 0
        self._kept: deque[tuple[int, str, JSONRPCMessage | None]] = deque(maxlen=_REPLAYED)

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        self._count += 1
        self._kept.append((self._count, stream_id, message))
        return str(self._count)

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        messages = list(self._kept)
        stream = next((stream for number, stream, _ in messages if str(number) == last_event_id), None)
        for number, its_stream, message in messages:
            if its_stream == stream and number > int(last_event_id) and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


class Session:
    """A host's session. `about`: see `Calls.of`; `idle_s`: the time without a request after which it ends."""

    def __init__(self, tasks: TaskRegistry, about: JsonObject, idle_s: float) -> None:
        self.tasks = tasks
        self.http = AgentServer(Calls.of(tasks, about)).over_http(LastMessages(), greeting.MAX_MESSAGE_BYTES)
        self.running: dict[object, Scope] = {}  # unanswered requests, by id
        self.open = 0  # connections
        self.over = asyncio.Event()
        self.asked_at = time.monotonic()
        self._idle_s = idle_s

    def is_needed(self) -> bool:
        """Returns whether somebody is connected, or has a task that runs or a result to fetch."""
        return bool(self.open) or self.tasks.awaited()

    def rests_for(self) -> float:
        """Returns for how many seconds it has not been needed. Ends it if that is long enough."""
        if self.is_needed():
            self.asked_at = time.monotonic()
        rested = time.monotonic() - self.asked_at
        if rested >= self._idle_s:
            self.over.set()
        return rested


class Agents:
    """The application: all sessions, and `shared`, for requests that belong to none."""

    def __init__(self, pipe_idle_s: float = PIPE_IDLE_S) -> None:
        self.shared = Session(SharedTasks(), {"resumable": True}, math.inf)
        self._pipe_idle_s = pipe_idle_s
        self._named: dict[str, Session] = {}
        self._serving: dict[Session, asyncio.Task[None]] = {}

    def rests_for(self) -> float:
        """Returns for how many seconds nobody has been connected, had a session, or had a result to fetch."""
        for session in self._serving:
            session.rests_for()
        if self._serving:
            self.shared.asked_at = time.monotonic()
        return self.shared.rests_for()

    async def end(self) -> None:
        """Ends all sessions, which get their last answers."""
        for session in self._serving:
            session.over.set()
        await asyncio.gather(*self._serving.values(), asyncio.to_thread(self.shared.tasks.close))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return
        message = greeting.read(body) if scope["method"] == "POST" else {}
        if message is None:
            await _refusal(400, greeting.PARSE_ERROR, greeting.SENTENCE)(scope, receive, send)
        elif scope["method"] == "GET" and (pipe := headers.get(PIPE)):
            await self._attend(pipe, json.loads(headers[HOST]), receive, send)
        elif isinstance(session := await self._find(headers, message), Session):
            again = iter([{"type": "http.request", "body": body}])

            async def received() -> Message:
                return next(again, None) or await receive()

            await self._pass(session, message, scope, received, send)
        else:
            await session(scope, receive, send)

    async def _find(self, headers: Headers, message: JsonObject) -> Session | Response:
        """Returns the session that a request belongs to or begins, or a refusal."""
        if pipe := headers.get(PIPE):
            session = self._named.get(pipe)
            return session if session and not session.over.is_set() else Response(status_code=410)
        version, name = headers.get(MCP_PROTOCOL_VERSION_HEADER), headers.get(MCP_SESSION_ID_HEADER)
        if version and version not in HANDSHAKE_PROTOCOL_VERSIONS:
            return self.shared
        if name or message.get("method") != "initialize":
            return self._named.get(name or "", self.shared)
        return await self._begin({}, RESULT_S) if self._has_room() else _FULL

    async def _pass(self, session: Session, message: JsonObject, scope: Scope, receive: Receive, send: Send) -> None:
        """Has a session serve a request."""
        running = {} if session is self.shared else session.running
        is_checked = PIPE in Headers(scope=scope)  # the pipe frees an id with the answer's event, before its end
        if not is_checked and (fault := greeting.id_fault(message, running)):
            await _refusal(400, greeting.INVALID_REQUEST, fault)(scope, receive, send)
            return
        if scope["method"] == "DELETE" and session is not self.shared:
            session.over.set()
            await asyncio.wait([self._serving[session]])  # it is there as long as it has a name
            await Response()(scope, receive, send)
            return

        async def noted(sent: Message) -> None:
            if sent["type"] == "http.response.start" and sent["status"] < 400 and session in self._serving:
                name = Headers(raw=sent["headers"]).get(MCP_SESSION_ID_HEADER)
                if name and not session.over.is_set():
                    self._named[name] = session
            await send(sent)

        number = greeting.id_of(message) if "method" in message else None
        running.pop(greeting.cancelled(message), None)
        if number is not None:
            running[number] = scope
        session.open += 1
        try:
            await session.http.handle_request(_with_headers(scope, message), receive, noted)
        finally:
            session.open -= 1
            if running.get(number) is scope:  # no later one has the id of a cancelled request
                del running[number]
            if session not in self._named.values():  # it was refused, or is over
                session.over.set()

    def _has_room(self) -> bool:
        """Returns whether one more session may begin. That which has been idle the longest ends for it, as those of
        vanished clients are; a client that comes back to it gets 404, by which the protocol has it begin another."""
        lasting = [session for session in self._serving if not session.over.is_set()]
        if len(lasting) < MAX_HTTP_SESSIONS:
            return True
        idle = min((each for each in lasting if not each.is_needed()), key=lambda each: each.asked_at, default=None)
        if idle:
            idle.over.set()
        return idle is not None

    async def _attend(self, pipe: str, about: JsonObject, receive: Receive, send: Send) -> None:
        """Serves a pipe's session until its host has gone, or it has been idle; gives signs of life meanwhile."""
        session = self._named[pipe] = await self._begin(about, self._pipe_idle_s)

        async def end_with_the_host() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            session.over.set()

        serving, watching = self._serving[session], asyncio.create_task(end_with_the_host())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not serving.done():
            await send({"type": "http.response.body", "body": b"\n", "more_body": True})
            await asyncio.wait([serving], timeout=BEAT_S)
        await send({"type": "http.response.body", "body": b""})
        watching.cancel()

    async def _begin(self, about: JsonObject, idle_s: float) -> Session:
        session, ready = Session(TaskRegistry(), about, idle_s), asyncio.Event()
        self._serving[session] = asyncio.create_task(self._serve(session, ready))
        await ready.wait()
        return session

    async def _serve(self, session: Session, ready: asyncio.Event) -> None:
        try:
            async with session.http.run():
                ready.set()
                await session.over.wait()
                self._named = {name: each for name, each in self._named.items() if each is not session}
                await asyncio.to_thread(session.tasks.close)
                until = time.monotonic() + SESSION_END_TIMEOUT_S
                while session.running and time.monotonic() < until:
                    await asyncio.sleep(0.01)
        except Exception:
            traceback.print_exc()
        finally:
            ready.set()
            del self._serving[session]
            trim()


def _refusal(status: int, code: int, message: str) -> Response:
    return JSONResponse({"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}, status)


_FULL = _refusal(503, -32000, f"{MAX_HTTP_SESSIONS} sessions are at work: end one by DELETE, or wait.")


def _with_headers(scope: Scope, message: JsonObject) -> Scope:
    """Returns a pipe's request with the headers that 2026's protocol has over HTTP alone."""
    params = message.get("params") or {}
    meta = params.get("_meta")
    version = meta.get(PROTOCOL_VERSION_META_KEY) if isinstance(meta, dict) else None
    if PIPE not in Headers(scope=scope) or not isinstance(version, str):
        return scope
    values = {MCP_PROTOCOL_VERSION_HEADER: version, MCP_METHOD_HEADER: message.get("method", "")}
    if isinstance(name := params.get(NAME_BEARING_METHODS.get(message.get("method", ""), "")), str):
        values[MCP_NAME_HEADER] = encode_header_value(name)
    more = [(key.encode(), value.encode("latin-1", "replace")) for key, value in values.items()]
    return {**scope, "headers": [*scope["headers"], *more]}
