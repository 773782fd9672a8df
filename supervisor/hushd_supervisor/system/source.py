"""A part of the supervisor that the loop tends, without knowing which part it is."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

import zmq

from hushd_supervisor.core.actions import Action, ToClient
from hushd_supervisor.core.events import Event

# What comes of an action: news for the pool, and answers to clients.
Outcome = Event | ToClient
Perform = Callable[[Any], Iterable[Outcome]]


class Source:
    """The calls by which a part takes part in the loop; each does nothing unless the part says otherwise.

    The loop asks its sources in the order of its list, whatever it asks them for.
    """

    def register(self, poller: zmq.Poller) -> None:
        """Has `poller` watch all that is there from the beginning; what comes later, the part registers itself."""

    def actions(self) -> Mapping[type[Action], Perform]:
        """Returns the actions of the pool that this part carries out, each with the function that does it."""
        return {}

    # --- a turn ------------------------------------------------------------------------------------------------------

    def deadline(self) -> float | None:
        """Returns the time at which the loop must have a turn, None for never; a time in the past is at once."""
        return None

    def on_time(self, now: float) -> Iterable[Event]:
        """Acts on deadlines that have passed, before the loop waits."""
        return ()

    def events(self, ready: Container[object], now: float) -> Iterable[Event]:
        """Yields what has happened, a limited part of it; `ready` are the sockets and descriptors that are readable.

        Each event is handled before the next one is read.
        """
        return ()

    def unread(self) -> bool:
        """Returns whether signs of life of others lie unread: no timer blames them before these are read."""
        return False

    def look(self, event: Event, now: float) -> None:
        """Sees an event that the pool has handled."""

    # --- the end -----------------------------------------------------------------------------------------------------

    def leave(self, *, stop: bool) -> None:
        """Notes that the supervisor is about to leave; with `stop`, no new connection may come. Both may come twice."""

    def finish(self, now: float) -> bool:
        """Goes on to end, once all jobs are done; returns whether it has, or the loop must give it more turns.

        Meanwhile clients are answered: with a refusal, mostly.
        """
        return True

    def close(self) -> None:
        """Ends the rest; the last answers still arrive."""


def having(sources: Iterable[Source], method: str) -> list[Source]:
    """Returns those of `sources` that say something of their own in `method`: the others need not be asked."""
    return [source for source in sources if getattr(type(source), method) is not getattr(Source, method)]
