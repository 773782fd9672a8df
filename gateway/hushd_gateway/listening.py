"""The listening sockets, the server of each kind of them, and the count of the requests under way."""

from __future__ import annotations

import asyncio
import gc
import math
import socket
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from hushd_protocol.system.footprint import trim

MEMORY_BACK_DELAY_S = 1.0  # seconds from the last request's end until its memory is given back


class Listener(NamedTuple):
    """A listening socket; `address` is as in the settings, such as `tcp://127.0.0.1:10300`."""

    kind: str
    socket: socket.socket
    address: str


class DoorServer(Protocol):
    """Serves the connections of one kind."""

    async def start(self, listeners: Sequence[Listener]) -> None:
        """Accepts from now on."""

    def stop_accepting(self) -> None:
        """Closes the listeners."""

    async def end(self) -> None:
        """Ends the resting connections, and waits for the others."""


class Activity:
    """Counts the requests over HTTP, WebSockets and connections of Wyoming under way. A context manager."""

    def __init__(self) -> None:
        self._count = 0
        self._idle_since = asyncio.get_running_loop().time()
        self._settling: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        self._count += 1
        self._idle_since = math.inf
        if self._settling:
            self._settling.cancel()

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if not self._count:
            loop = asyncio.get_running_loop()
            self._idle_since = loop.time()
            self._settling = loop.call_later(MEMORY_BACK_DELAY_S, _give_memory_back)

    async def until_idle(self, seconds: float) -> None:
        """Returns once nothing has been under way for so long."""
        loop = asyncio.get_running_loop()
        while (left := self._idle_since + seconds - loop.time()) > 0:
            await asyncio.sleep(min(left, seconds))


def _give_memory_back() -> None:
    gc.collect()  # connections and their requests refer to each other
    trim()
