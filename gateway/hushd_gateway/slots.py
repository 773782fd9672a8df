"""The slots of connections: those that rest give theirs up for others once all are taken; and memory they share."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar

SILENT_S = 10.0  # in the middle of something, after which a connection counts as resting too


class Slot:
    """One connection's, which says when it waits for nothing but its program."""

    def __init__(self) -> None:
        self._since = math.inf
        self._idle = False

    def rest(self, *, idle: bool = True) -> None:
        """Marks a wait for the program; `idle`: nothing is lost if the connection ends now."""
        self._since, self._idle = time.monotonic(), idle

    def work(self) -> None:
        """Marks the end of the wait."""
        self._since = math.inf

    def patience(self, now: float) -> tuple[bool, float]:
        """An order of those that rest: the idle ones first, and of these the longest."""
        return not self._idle, self._since - now

    def rests(self, now: float) -> bool:
        """Returns whether it may be given up for another."""
        return self._since <= now - (0.0 if self._idle else SILENT_S)


def longest(slots: Iterable[Slot]) -> Slot | None:
    """The slot to give up first; None while all are needed."""
    now = time.monotonic()
    return min((slot for slot in slots if slot.rests(now)), key=lambda slot: slot.patience(now), default=None)


class BodyMemory:
    """Bytes that all connections have together for large bodies; whoever comes when it is full waits."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._waiting: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def of(self, size: int) -> AsyncIterator[None]:
        """Has `size` bytes of it."""
        while self._left < size:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._left -= size
        try:
            yield
        finally:
            self._left += size
            waiting, self._waiting = self._waiting, []
            for turn in waiting:
                if not turn.done():
                    turn.set_result(None)


current: ContextVar[Slot] = ContextVar("slot")


def current_slot() -> Slot:
    """Returns the slot of the connection that is being served; outside the gateway one that belongs to none."""
    return current.get(None) or Slot()
