"""Serves HTTP and WebSockets by uvicorn: its own limits, and the middleware of `security`."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from hushd_protocol.system.paths import find
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, Ping, RejectConnection, Request
from wsproto.utilities import RemoteProtocolError

from .app import create_app
from .errors import bad

if TYPE_CHECKING:
    from hushd import AsyncClient

    from hushd_gateway.configuration import Configuration
    from hushd_gateway.listening import Listener

CONNECTIONS = 512  # connections at once; further requests get a 503
MAX_HEAD_BYTES = 32 * 1024  # bytes of a request's head: a client secret takes up to half
KEEP_ALIVE_S = 15  # seconds between two requests of one connection
TURN_BYTES = 8 * 1024  # bytes that a connection reads in a turn of the loop
UNREAD_S = 15  # seconds for which what a program still sends after its last answer is read
KEY_BYTES = 16  # bytes of a WebSocket's key
MESSAGE = 8 * 1024 * 1024  # bytes of a WebSocket's message: two minutes of sound


class _InTurns(asyncio.BufferedProtocol):
    """Reads little in a turn of the loop, since a flood of pings or of tiny chunks costs us more than its sender."""

    data_received: Callable[[bytes], None]

    def get_buffer(self, sizehint: int) -> bytearray:
        self._buffer = bytearray(TURN_BYTES)
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self._buffer[:nbytes]))


class HttpProtocol(H11Protocol, _InTurns):
    """uvicorn's HTTP, in turns; a program that still sends as its connection ends can read its answer."""

    _lingers = False

    def data_received(self, data: bytes) -> None:
        if not self._lingers:
            super().data_received(data)

    def handle_events(self) -> None:
        super().handle_events()
        if self.cycle is not None:
            self.cycle.transport = _Lingering(self)  # type: ignore[assignment]

    def send_400_response(self, msg: str) -> None:
        self.transport.write(_refusal(msg))
        self.linger()

    def linger(self) -> None:
        """Ends the answers, and reads on for a while: bytes left unread would have the kernel reset the connection."""
        self._lingers = True
        with suppress(OSError):  # the program has gone
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(UNREAD_S, self.transport.close)


class _Lingering:
    """The transport of an answer, which lingers where the program still sends its body."""

    def __init__(self, connection: HttpProtocol) -> None:
        self._connection, self._transport = connection, connection.transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        sends = self._connection.conn.their_state is h11.SEND_BODY and not self.is_closing()
        (self._connection.linger if sends else self._transport.close)()


def _refusal(why: str, status: int = 400, headers: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """Returns the answer to a request that cannot be read."""
    answer = bad(f"The request cannot be read: {why.rstrip('.')}.").response()
    lines = [*answer.raw_headers, (b"connection", b"close"), *headers]
    head = b"".join(b"%s: %s\r\n" % line for line in lines)
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, HTTPStatus(status).phrase.encode(), head, answer.body)


class WebSocketProtocol(WSProtocol, _InTurns):
    """uvicorn's WebSocket, in turns; a program that does not read gets no pongs."""

    def data_received(self, data: bytes) -> None:
        begins = self.conn.state is ConnectionState.CONNECTING
        try:
            if begins:
                self.conn.receive_data(data)
        except RemoteProtocolError as error:
            hint = error.event_hint
            status, headers = (hint.status_code, hint.headers) if isinstance(hint, RejectConnection) else (400, [])
            outdated = status == HTTPStatus.UPGRADE_REQUIRED
            self._refuse(_refusal("only version 13 of WebSocket is known" if outdated else str(error), status, headers))
            return
        except ValueError:
            self._refuse(_refusal("its head has letters that none may have"))
            return
        if begins:
            self.handle_events()
        else:
            super().data_received(data)

    def _refuse(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.transport.close()

    def handle_connect(self, event: Request) -> None:
        key = dict(event.extra_headers).get(b"sec-websocket-key", b"")
        try:
            fits = len(base64.b64decode(key, validate=True)) == KEY_BYTES
        except ValueError:
            fits = False
        if fits:
            super().handle_connect(event)
        else:
            self._refuse(_refusal(f"Sec-WebSocket-Key must be {KEY_BYTES} bytes in base64"))

    def handle_close(self, event: CloseConnection) -> None:
        if self.conn.state is ConnectionState.OPEN:  # wsproto could not read a frame, and the program is told why
            self.transport.write(self.conn.send(event))
        super().handle_close(event)

    def handle_ping(self, event: Ping) -> None:
        if self.writable.is_set():
            super().handle_ping(event)


class HttpServer:
    """Serves all listeners of HTTP; see `listening.DoorServer`."""

    def __init__(
        self, client: AsyncClient, configuration: Configuration, activity: AbstractContextManager[None]
    ) -> None:
        self._client = client
        self._configuration = configuration
        self._activity = activity
        self._app = self._create_app()
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
                http=HttpProtocol,
                ws=WebSocketProtocol,
                lifespan="off",
                log_config=None,
                log_level="error",  # strangers could fill the log, a line for each invalid request
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=KEEP_ALIVE_S,
                h11_max_incomplete_event_size=MAX_HEAD_BYTES,
                ws_max_size=MESSAGE,
                ws_per_message_deflate=False,  # a kilobyte could become a megabyte, and programs are near
            )
        )

    async def start(self, listeners: Sequence[Listener]) -> None:
        self._serving = asyncio.create_task(self._server.serve([listener.socket for listener in listeners]))
        while not (self._server.started or self._serving.done()):
            await asyncio.sleep(0)

    def stop_accepting(self) -> None:
        for server in self._server.servers:
            server.close()

    async def end(self) -> None:
        self._server.should_exit = True
        await self._serving

    def _create_app(self) -> Any:
        configuration = self._configuration
        return create_app(self._client, configuration.settings, configuration.token, find().listed, own_only=True)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Has the application of the current configuration answer, also on old connections."""
        if self._configuration.refresh():
            self._app = self._create_app()
        with self._activity:
            await self._app(scope, receive, send)
