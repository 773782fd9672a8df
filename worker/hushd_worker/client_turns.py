"""Clients' turns at an engine that several jobs wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

_CLIENTS = 256  # the maximum number of clients whose last turns are remembered

T = TypeVar("T")


class ClientTurns:
    """The order in which clients were served; the caller guards it with its lock."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}  # number of each client's last turn; the oldest first
        self._count = 0

    def next(self, waiting: Iterable[T], client: Callable[[T], int]) -> T:
        """Returns the one of `waiting` whose client was served longest ago, the first of that client's."""
        return min(waiting, key=lambda each: self._last.get(client(each), 0))

    def serve(self, client: int) -> None:
        """Notes that a client has its turn."""
        self._count += 1
        self._last.pop(client, None)
        self._last[client] = self._count
        if len(self._last) > _CLIENTS:
            del self._last[next(iter(self._last))]
