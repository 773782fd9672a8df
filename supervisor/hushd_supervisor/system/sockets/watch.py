"""Checks that our sockets are still at their paths: without them, after a logout for example, no client can connect."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

from hushd_supervisor.core.events import Event, Shutdown

from ..source import Source
from .lock import ListeningSocket

APART_S = 1.0  # between two checks, in turns that happen anyway; Linux reports a change at once


class SocketWatch(Source):
    """Asks the supervisor to leave, once, when one of its sockets was replaced or removed.

    Args:
        listeners: the sockets, the clients' first.
        record: writes to the supervisor's log (level, text).
        apart: seconds, see `APART_S`.
    """

    def __init__(
        self, listeners: Iterable[ListeningSocket], record: Callable[[str, str], None], apart: float = APART_S
    ) -> None:
        self._listeners = list(listeners)
        self._record = record
        self._apart = apart
        self._next = -math.inf

    def on_time(self, now: float) -> Iterable[Event]:
        return self.check(now) if now >= self._next else ()

    def check(self, now: float) -> Iterator[Event]:
        """Checks the sockets now."""
        self._next = now + self._apart
        for listener in self._listeners:
            if not listener.is_ours():
                self._record("warning", f"{listener.path} is no longer this supervisor's: leaving")
                yield Shutdown(renew=self._listeners[0].lasting)
                return

    def leave(self, *, stop: bool) -> None:
        self._next = math.inf
        self._listeners = []
