"""Slots of connections, which resting ones give up once all are taken; and the memory that connections share."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar

SILENT_S = 10.0  # of silence in the middle of a request, after which a connection counts as resting too


class Slot:
    """A connection's slot: whether it waits for its program alone."""

    def __init__(self) -> None:
        self._since = math.inf
        self._idle = False

    def rest(self, *, idle: bool = True) -> None:
        """Marks the start of a wait for the program; `idle`: nothing is lost if the connection ends now."""
        self._since, self._idle = time.monotonic(), idle

    def work(self) -> None:
        """Marks the end of the wait."""
        self._since = math.inf

    def patience(self, now: float) -> tuple[bool, float]:
        """Returns the sort key of resting connections: idle ones first, then the longest at rest."""
        return not self._idle, self._since - now

    def rests(self, now: float) -> bool:
        """Returns whether the connection may be closed for another."""
        return self._since <= now - (0.0 if self._idle else SILENT_S)


def longest(slots: Iterable[Slot]) -> Slot | None:
    """Returns the slot to give up first; None while all are needed."""
    now = time.monotonic()
    return min((slot for slot in slots if slot.rests(now)), key=lambda slot: slot.patience(now), default=None)


class BodyMemory:
    """The memory that all connections share for large bodies; a request waits while it is full."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def of(self, size: int) -> AsyncIterator[None]:
        """Holds `size` bytes of it."""
        while self._free < size:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._free -= size
        try:
            yield
        finally:
            self._free += size
            waiting, self._waiting = self._waiting, []
            for turn in waiting:
                if not turn.done():
                    turn.set_result(None)


current: ContextVar[Slot] = ContextVar("slot")


def current_slot() -> Slot:
    """Returns the current connection's slot; outside the gateway, an unused one."""
    return current.get(None) or Slot()
