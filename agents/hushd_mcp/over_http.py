"""The process that serves agents over HTTP, by the SDK's Streamable HTTP: `python -m hushd_mcp --channel N mcp=N=PATH`.

The supervisor's door starts it with the first request for `/mcp`, and treats it as a gateway. The gateway has checked
each request (Host, Origin, token), and passes it on by a socket that is this user's alone. A session has a server,
tasks and limits of its own, as one at standard input does, and its last messages, so that a client whose connection
broke reads on. Requests of 2026's protocol, which has no sessions, share one server. The process leaves soon after its
last session; that of a client which vanished ends after `RESULT_S`.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
import time
import traceback
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import uvicorn
from hushd_protocol.system.footprint import trim
from hushd_protocol.system.lifeline import arm
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER, EventCallback, EventMessage, EventStore
from mcp.server.streamable_http import StreamableHTTPServerTransport as Transport
from mcp.server.streamable_http_manager import RequestBodyLimitMiddleware
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp_types import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, JSONRPCMessage
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from hushd_mcp import greeting
from hushd_mcp.calls import Calls
from hushd_mcp.server import Server
from hushd_mcp.sessions import IDLE_EXIT_S, MAX_MESSAGE_BYTES, SENTENCE
from hushd_mcp.work import RESULT_S, TaskRegistry

MAX_HTTP_SESSIONS = 256
_REPLAYED = 256  # last messages of a session
FIRST_BYTES_TIMEOUT_S = 0.2  # seconds for the first bytes of a connection that was accepted last
_FULL = JSONResponse(
    {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32000, "message": f"{MAX_HTTP_SESSIONS} sessions are at work: end one by DELETE, or wait."},
    },
    503,
)


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


class Session(Transport):
    """A session: its streams, and its tasks. It refuses an unreadable body in a sentence, where the SDK shows the texts
    of its parsers."""

    def __init__(self) -> None:
        super().__init__(uuid4().hex, event_store=LastMessages(), idle_timeout=RESULT_S)
        self.tasks = TaskRegistry()
        self.running: dict[object, Scope] = {}  # unanswered requests, by id

    def _create_error_response(
        self, error_message: str, status_code: Any, error_code: int = INVALID_REQUEST, headers: Any = None
    ) -> Response:
        message = SENTENCE if error_code in (PARSE_ERROR, INVALID_PARAMS) else error_message
        return super()._create_error_response(message, status_code, error_code, headers)

    def ends_at(self) -> float:
        """Returns when it ends if no request comes: never while one runs, or a result is kept for its client."""
        scope = self.idle_scope
        return math.inf if scope is None or scope.cancel_called or self.tasks.awaited() else scope.deadline


class Agents:
    """The application: all sessions, and the requests without one. `sessionless` refuses what belongs to no session."""

    def __init__(self) -> None:
        self.tasks = SharedTasks()
        self.sessionless = Server(Calls.of(self.tasks, {"resumable": True})).over_http()
        self._sessions: dict[str, Session] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._open = 0
        self._rests_since = time.monotonic()

    def rests_for(self) -> float:
        """Returns for how many seconds nobody has been connected, nor a result been kept for anybody."""
        if self._open or self._serving or self.tasks.awaited():
            self._rests_since = time.monotonic()
        return time.monotonic() - self._rests_since

    async def end(self) -> None:
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, asyncio.to_thread(self.tasks.close), return_exceptions=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        name, version = headers.get(MCP_SESSION_ID_HEADER), headers.get(MCP_PROTOCOL_VERSION_HEADER)
        is_older = not version or version in HANDSHAKE_PROTOCOL_VERSIONS
        session = self._sessions.get(name or "") if is_older else None
        running = session.running if session else dict[object, Scope]()
        self._open += 1
        number = None
        try:
            receive, message = await _read(scope, receive)
            if fault := greeting.id_fault(message, running):
                error = {"code": INVALID_REQUEST, "message": fault}
                await JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, 400)(scope, receive, send)
                return
            number = greeting.id_of(message) if "method" in message else None
            running.pop(greeting.cancelled(message), None)
            running[number] = scope
            if session:
                await session.handle_request(scope, receive, send)
            elif name or not is_older or scope["method"] != "POST":
                await self.sessionless.handle_request(scope, receive, send)
            elif len(self._sessions) < MAX_HTTP_SESSIONS or self._make_room():
                await self._begin(scope, receive, send)
            else:
                await _FULL(scope, receive, send)
        finally:
            if running.get(number) is scope:  # no later one has the id of a cancelled request
                del running[number]
            self._open -= 1

    def _make_room(self) -> bool:
        """Ends the session that has been idle the longest, as those of vanished clients are; returns whether one was.
        A client that comes back to it gets 404, by which the protocol has it begin another."""
        first = min(self._sessions.values(), key=Session.ends_at, default=None)
        if first is None or first.idle_scope is None or first.ends_at() == math.inf:
            return False
        first.idle_scope.cancel()
        return True

    async def _begin(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves the request that opens a session; one that is refused opens none."""
        session, ready, status = Session(), asyncio.Event(), 500
        serving = asyncio.create_task(self._attend(session, ready))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        await ready.wait()

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await session.handle_request(scope, receive, noted)
        finally:
            if status >= 400:
                serving.cancel()

    async def _attend(self, session: Session, ready: asyncio.Event) -> None:
        name = str(session.mcp_session_id)
        self._sessions[name] = session
        try:
            async with session.connect() as (read, write):
                ready.set()
                assert session.idle_scope
                with session.idle_scope:
                    await Server(Calls.of(session.tasks, {})).attend(read, write)
        except Exception:
            traceback.print_exc()
        finally:
            del self._sessions[name]
            await session.terminate()
            await asyncio.to_thread(session.tasks.close)
            trim()


async def _read(scope: Scope, receive: Receive) -> tuple[Receive, dict[str, object]]:
    """Reads a request's body; returns what the SDK receives instead, and the message in it, empty for none."""
    body = await Request(scope, receive).body()
    again = iter([{"type": "http.request", "body": body}])

    async def received() -> Message:
        return next(again, None) or await receive()

    return received, greeting.read(body) or {}


async def _serve(listener: socket.socket, channel: socket.socket, idle_s: float) -> None:
    """Serves until nobody is connected, or the channel ends; whoever connects later gets the next process."""
    agents, loop, dismissed = Agents(), asyncio.get_running_loop(), asyncio.Event()
    application = RequestBodyLimitMiddleware(agents, MAX_MESSAGE_BYTES)
    config = uvicorn.Config(application, http="h11", ws="none", lifespan="off", log_level="error", access_log=False)
    server = uvicorn.Server(config)
    loop.add_reader(channel, dismissed.set)
    async with agents.sessionless.run():
        serving = asyncio.create_task(server.serve([listener]))
        while agents.rests_for() < idle_s and not dismissed.is_set():
            await asyncio.sleep(min(idle_s, 1.0) / 4)
        loop.remove_reader(channel)
        for each in server.servers:
            each.close()
        with suppress(OSError):  # the supervisor has closed its end
            channel.send(b".")
        await asyncio.sleep(FIRST_BYTES_TIMEOUT_S)
        while not dismissed.is_set() and agents.rests_for() < FIRST_BYTES_TIMEOUT_S:
            await asyncio.sleep(FIRST_BYTES_TIMEOUT_S / 4)
        await agents.end()
    server.should_exit = server.force_exit = True
    await serving


def main(argv: Sequence[str]) -> int:
    """Serves on the listening descriptor of the last argument; `argv[1]` is the channel."""
    if lifeline := os.environ.pop("HUSHD_LIFELINE", ""):
        arm(int(lifeline), int(os.environ.pop("HUSHD_SUPERVISOR")))
    listener, channel = (socket.socket(fileno=int(number)) for number in (argv[2].split("=")[1], argv[1]))
    asyncio.run(_serve(listener, channel, float(os.environ.get("HUSHD_GATEWAY_IDLE", IDLE_EXIT_S))))
    return 0
