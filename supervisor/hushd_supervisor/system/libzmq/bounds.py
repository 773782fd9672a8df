"""Bounds the memory that clients cost: trims the heap after they leave, and ends connections that take ever more."""

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

COMPLAINT_S = 60.0  # between two lines in the log about greedy clients


class Bounds(Source):
    """Watches the memory that clients cost.

    Args:
        clients: the clients' socket.
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
        """Ends connections that send an endless message, and the greediest one while clients cost too much memory."""
        if not self._heap.grown():
            return ()
        too_large = self._heap.too_large(now)
        ended = self._clients.end_endless()
        if too_large:
            ended += self._clients.end_greediest()
        if ended and now >= self._next_complaint:
            self._next_complaint = now + COMPLAINT_S
            self._record("warning", "ended a client's connection: it sends an endless message, or does not read")
        return ()
