"""The common part of HTTP and WebSocket connections: their ends, and a timeout for programs that do not read."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.server import ServerState

from ..patience import StallTolerantTimer

READ = 64 * 1024  # bytes at once; asyncio reads four times as many
SEND_S = 60.0  # for a program that does not read
PONG_S = 20.0  # for a program to answer the ping of a WebSocket


class State(ServerState):
    """The state of all connections.

    Attributes:
        ends: a future for each transport, done once closed.
        unfinished: bytes of each WebSocket's incomplete message, if any.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unfinished: dict[Any, int] = {}
        self.ends: dict[asyncio.BaseTransport, asyncio.Future[None]] = {}

    def end(self, transport: asyncio.BaseTransport) -> asyncio.Future[None]:
        return self.ends.setdefault(transport, asyncio.get_running_loop().create_future())


class Patient(asyncio.Protocol):
    """Breaks a connection off when its program has not read for `SEND_S`."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _end: StallTolerantTimer | None = None

    def pause_writing(self) -> None:
        self._end = StallTolerantTimer(SEND_S, self.transport.abort)
        super().pause_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end:
            self._end.cancel()
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        if self._end:
            self._end.cancel()
        super().resume_writing()
