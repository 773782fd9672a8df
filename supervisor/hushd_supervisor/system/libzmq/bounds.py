"""Bounds the memory that clients cost: gives back what they leave behind, and ends who takes ever more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from hushd_supervisor.core.events import Event

from ..source import Source
from .heap import Heap

if TYPE_CHECKING:
    from collections.abc import Container

    from ..sockets.client_socket import ClientSocket

COMPLAINT_S = 60.0  # from one line in the log about greedy clients to the next


class Bounds(Source):
    """Watches what clients cost.

    Args:
        clients: their socket.
        record: writes to the supervisor's log (level, text).
        heap: this process's memory.
    """

    def __init__(
        self,
        clients: ClientSocket,
        record: Callable[[str, str], None],
        heap: Heap | None = None,
    ) -> None:
        self._clients = clients
        self._record = record
        self._heap = heap or Heap()
        self._next_complaint = -math.inf

    def events(self, ready: Container[object], now: float) -> Iterable[Event]:
        if self._clients.take_left():
            self._heap.client_left(now)
        return ()

    def deadline(self) -> float | None:
        return self._heap.deadline()

    def on_time(self, now: float) -> Iterable[Event]:
        self._heap.on_time(now)
        return ()

    def check(self, now: float) -> Iterable[Event]:
        """Ends the connections that send a message without an end, and the greediest while clients cost too much."""
        if not self._heap.grown():
            return ()
        too_large = self._heap.too_large(now)
        ended = self._clients.end_endless()
        if too_large:
            ended += self._clients.end_greediest()
        if ended and now >= self._next_complaint:
            self._next_complaint = now + COMPLAINT_S
            self._record("warning", "ended a client's connection for what it sends, or does not read")
        return ()
