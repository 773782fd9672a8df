"""The interface between the loop and the supervisor's parts that touch the system."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

import zmq

from hushd_supervisor.core.actions import Action, ToClient
from hushd_supervisor.core.events import Event

# A result of an action: an event for the pool, or an answer to a client.
Outcome = Event | ToClient
Perform = Callable[[Any], Iterable[Outcome] | None]
Clock = Callable[[], float]
WriteLog = Callable[[str, str], None]  # writes a line of the log: its level and text
# Raised where the system refuses a descriptor, process or memory, also by an import, which reads files.
REFUSALS = (OSError, ImportError, MemoryError)


class Source:
    """The methods by which a part takes part in the loop; each does nothing by default.
    The loop always calls its sources in the order of its list."""

    def register(self, poller: zmq.Poller) -> None:
        """Registers with `poller` the descriptors that exist from the start; the part registers later ones itself."""

    def actions(self) -> Mapping[type[Action], Perform]:
        """Returns the pool's actions that this part carries out, each with the function that performs it."""
        return {}

    # --- a turn ------------------------------------------------------------------------------------------------------

    def deadline(self) -> float | None:
        """Returns the time by which the loop must have a turn, None for never; a past time means at once."""
        return None

    def on_time(self, now: float) -> Iterable[Event]:
        """Acts on expired deadlines, before the loop waits."""
        return ()

    def events(self, ready: Container[object], now: float) -> Iterable[Event]:
        """Yields a limited number of events; `ready` are the readable sockets and descriptors.
        Each event is handled before the next one is read."""
        return ()

    def unread(self) -> bool:
        """Returns whether messages of peers lie unread: until they are read, no timer may expire."""
        return False

    def observe(self, event: Event, now: float) -> None:
        """Receives an event that the pool has handled."""

    # --- the end -----------------------------------------------------------------------------------------------------

    def prepare_end(self, *, stop: bool) -> None:
        """Prepares for the supervisor's end; with `stop`, takes no new connections. May be called more than once."""

    def finish(self, now: float) -> bool:
        """Works towards its end once all jobs are done; returns whether it has ended, or needs more turns.
        Clients are still answered meanwhile, mostly with a refusal."""
        return True

    def close(self) -> None:
        """Frees everything; the last answers are still delivered."""


def overriding(sources: Iterable[Source], method: str) -> list[Source]:
    """Returns the sources that override `method`: the loop need not call the others."""
    return [source for source in sources if getattr(type(source), method) is not getattr(Source, method)]
