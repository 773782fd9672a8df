"""Parts of uvicorn's connections, HTTP and WebSocket alike: their ends, and an end for programs that do not read."""

from __future__ import annotations

import asyncio

from uvicorn.server import ServerState

SEND_S = 60.0  # for a program that does not read


class State(ServerState):
    """All connections; `ends` has a future for each transport, done once it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: dict[asyncio.BaseTransport, asyncio.Future[None]] = {}

    def end(self, transport: asyncio.BaseTransport) -> asyncio.Future[None]:
        return self.ends.setdefault(transport, asyncio.get_running_loop().create_future())


class Patient(asyncio.Protocol):
    """A connection that is broken off once its program has not read for `SEND_S`."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _end: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        self._end = self.loop.call_later(SEND_S, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        if self._end:
            self._end.cancel()
        super().resume_writing()
