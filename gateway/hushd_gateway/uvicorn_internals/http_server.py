"""HTTP connections that were accepted elsewhere, served by uvicorn's protocol."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import h11
import uvicorn
from hushd_protocol.system.handover import Handover
from uvicorn.protocols.http.h11_impl import H11Protocol

from .. import slots
from ..patience import STEPS, StallTolerantTimer
from .state import PONG_S, READ, Patient, State

HEAD = 32 * 1024  # bytes of a request's head: a client secret takes up to half
HEADERS = 128  # of a request; each takes a hundred times the memory of a minimal one
HEAD_S = 10.0  # for the head of a request
END_S = 1.0  # for cancelled requests to end
KEEP_ALIVE_S = 15  # between two requests of one connection


class _Connection(h11.Connection):
    """h11's state of a connection; refuses requests with too many headers, or two lengths for the body."""

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            if len(event.headers) > HEADERS:
                raise h11.RemoteProtocolError("too many headers", 431)
            if {b"content-length", b"transfer-encoding"} <= {name for name, _ in event.headers}:
                raise h11.RemoteProtocolError("both Content-Length and Transfer-Encoding")
        return event


class _Http(Patient, H11Protocol):
    """One HTTP connection; `prefix` has the bytes that the door has read."""

    server_state: State
    prefix = b""
    _slow: StallTolerantTimer | None = None
    _rests = False  # between two requests
    _lingers = False  # answered, and read no more

    def __init__(self, config: uvicorn.Config, server_state: State, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, app_state)
        self.conn = _Connection(h11.SERVER, HEAD)
        self._slot = slots.current_slot()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_request(HEAD_S)
        if self.prefix:  # before any other data; h11 would take no bytes for the end
            self.data_received(self.prefix)

    def data_received(self, data: bytes) -> None:
        if self._lingers:
            return
        if self._rests:
            self._rests = False
            self._wait_for_request(HEAD_S)
        super().data_received(data)

    def handle_events(self) -> None:
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self._slot.work()
            self.cycle.transport = _Lingering(self.transport, self)  # type: ignore[assignment]  # it has all of its methods

    def linger(self) -> bool:
        """Ends the answers, and returns whether the program still sends a body: what it sends is read and dropped for
        as long as a connection may rest. Left unread it would discard the answer, and the program see its connection
        broken."""
        if self.conn.their_state is not h11.SEND_BODY or self.transport.is_closing():
            return False
        self._lingers = True
        self.transport.write_eof()
        return True

    def on_response_complete(self) -> None:
        self._slot.rest()
        # The request is dropped while the connection rests.
        self.cycle.body = bytearray()
        self.cycle.scope = {**self.cycle.scope, "headers": [], "path": "", "raw_path": b"", "query_string": b""}
        self.scope, self.headers = self.cycle.scope, []
        self._rests = True
        self._wait_for_request(KEEP_ALIVE_S)
        super().on_response_complete()
        self._unset_keepalive_if_required()  # uvicorn's own timeout counts time in which this process was stopped

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._slow:
            self._slow.cancel()
        self._unset_keepalive_if_required()
        self.server_state.end(self.transport).set_result(None)

    def send_400_response(self, msg: str) -> None:
        if self.cycle is not None:
            self.cycle.disconnected = True  # the application's answer would follow this one
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:  # garbage after a HEAD, whose answer has no body, or during an answer
            self.transport.close()

    def _wait_for_request(self, seconds: float) -> None:
        if self._slow:
            self._slow.cancel()
        self._slow = StallTolerantTimer(seconds, self._drop_slow)

    def _drop_slow(self) -> None:
        """Closes the connection if no request has arrived."""
        if (self.cycle is None or self.cycle.response_complete) and self.transport.get_protocol() is self:
            self.transport.close()


class _Lingering:
    """The transport of an answer: closes once the program has sent its body, though nobody reads that."""

    def __init__(self, transport: asyncio.Transport, connection: _Http) -> None:
        self._transport = transport
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        if not self._connection.linger():
            self._transport.close()


def _web_socket(**options: Any) -> asyncio.Protocol:
    """Makes the protocol for a connection's upgrade; imports wsproto only now, a tenth of the gateway's imports."""
    from .web_socket import WebSocket

    return WebSocket(**options)


class HttpServer:
    """Serves HTTP connections by an ASGI application."""

    def __init__(self, app: Any) -> None:
        self._config = uvicorn.Config(
            app,
            http=_Http,
            ws=_web_socket,  # type: ignore[arg-type]
            lifespan="off",
            log_config=None,
            log_level="error",  # strangers could fill the log, a line for each invalid request
            access_log=False,
            proxy_headers=False,
            server_header=False,
            ws_ping_timeout=PONG_S / STEPS,
            ws_per_message_deflate=False,  # a kilobyte could become a megabyte, and programs are near
        )
        self._config.load()
        self._state = State()
        self._state.default_headers = self._config.encoded_headers

    async def serve(self, connection: socket.socket, handover: Handover) -> None:
        """Serves one connection until its end."""
        loop = asyncio.get_running_loop()

        def protocol() -> _Http:
            made = _Http(self._config, self._state, {})
            made.prefix = handover.prefix
            return made

        transport, _ = await loop.connect_accepted_socket(protocol, connection)
        transport.max_size = READ  # type: ignore[attr-defined]  # of asyncio's transport for sockets
        end = self._state.end(transport)
        try:
            await asyncio.shield(end)
        except asyncio.CancelledError:
            transport.close()
            await asyncio.wait({end})
            raise
        finally:
            del self._state.ends[transport]

    def leave(self) -> None:
        """Closes the connections at rest; the others close after the answer that is under way."""
        for connection in list(self._state.connections):
            connection.shutdown()

    async def end(self) -> None:
        """Ends the requests that are still under way, by an answer where none has begun."""
        if tasks := set(self._state.tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=END_S)
