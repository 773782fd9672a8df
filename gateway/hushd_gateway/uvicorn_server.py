"""HTTP connections that were accepted elsewhere, served by uvicorn's protocol."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import h11
import uvicorn
from hushd_protocol.system.handover import Handover
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from .connections import Patient, State

HEAD_S = 10.0  # for the head of a request
KEEP_ALIVE_S = 15  # between two requests of one connection


class _Http(Patient, H11Protocol):
    """One HTTP connection; `prefix` is what the door has read of it."""

    server_state: State
    prefix = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(HEAD_S, self._drop_slow, None)
        if self.prefix:  # before anything that the transport reads; h11 takes no bytes for the end
            self.data_received(self.prefix)

    def on_response_complete(self) -> None:
        # uvicorn ends a connection that rests, and not one whose next request comes a byte at a time.
        self.loop.call_later(KEEP_ALIVE_S + HEAD_S, self._drop_slow, self.cycle)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.server_state.end(self.transport).set_result(None)

    def send_400_response(self, msg: str) -> None:
        if self.cycle is not None:
            self.cycle.disconnected = True  # the application's answer would come behind this one
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:  # nonsense behind a HEAD, whose answer has no body, or in the midst of an answer
            self.transport.close()

    def _drop_slow(self, last: RequestResponseCycle | None) -> None:
        """Closes the connection if no request has come since the one of `last`."""
        if self.cycle is last and self.transport.get_protocol() is self:
            self.transport.close()


def _web_socket(**options: Any) -> asyncio.Protocol:
    """Makes the protocol for a connection's upgrade; wsproto is a tenth of what a gateway imports."""
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
            log_level="error",  # or strangers fill the log, a line for each nonsense
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
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
        try:
            await self._state.end(transport)
        finally:
            del self._state.ends[transport]

    def leave(self) -> None:
        """Closes the connections at rest; the others close after the answer that is under way."""
        for connection in list(self._state.connections):
            connection.shutdown()
