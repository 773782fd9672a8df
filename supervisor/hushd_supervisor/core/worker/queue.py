"""Who waits for a worker, in which order, and who may run next.

Files and sessions (live streams, which last as long as somebody speaks) have places of their own on a worker that says
so; on any other a session takes the place of a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from .request import Ticket


class Queue:
    """The tickets that wait for one worker.

    Attributes:
        waiting: in the order of `sort`; only changed in place.
        slots, sessions: the places of the process that runs, or ran last.
    """

    def __init__(self, tell: Callable[[Ticket], None]) -> None:
        self.waiting: list[Ticket] = []
        self.slots = 1
        self.sessions = 0
        self._tell = tell  # a ticket's new place to its client
        self._served: dict[bytes, float] = {}  # when a job of each client was last handed out

    def sort(self, now: float) -> None:
        """Puts who waits in order, and tells whose place has changed.

        By priority, a level higher for each AGING_S of waiting, so that nobody starves. Then in rounds: the first
        request of each client, then each one's second, so that one who asks for much delays nobody else's first. Then
        whose client was served longest ago, then by arrival.
        """
        if not self.waiting:
            return
        rounds: dict[bytes, int] = {}
        keys: dict[Ticket, tuple[float, int, float, int]] = {}
        for ticket in sorted(self.waiting, key=lambda t: (t.level(now), t.order)):
            nth = rounds[ticket.route] = rounds.get(ticket.route, -1) + 1
            keys[ticket] = (ticket.level(now), nth, self._served.get(ticket.route, -math.inf), ticket.order)
        self.waiting.sort(key=keys.__getitem__)
        places = [0, 0]
        for ticket in self.waiting:
            kind = self._apart(ticket)
            if ticket.place is not None and ticket.place != places[kind]:
                ticket.place = places[kind]
                self._tell(ticket)
            places[kind] += 1

    def place(self, ticket: Ticket) -> int:
        """How many are before a waiting ticket, of its kind if files and sessions have places of their own."""
        before = self.waiting[: self.waiting.index(ticket)]
        return sum(self._apart(other) == self._apart(ticket) for other in before)

    def next(self, running: Collection[Ticket]) -> Ticket | None:
        """Who may run now, beside those that do.

        A suspect runs beside no file, and while it waits for that no file passes it; sessions hold nobody up who needs
        not their place. Two clients' requests of one id run after each other.
        """
        held = False
        for ticket in self.waiting:
            apart = self._apart(ticket)
            if (apart or not held) and self._fits(ticket, running):
                return ticket
            held = held or ticket.alone
        return None

    def would_run(self, ticket: Ticket, running: Collection[Ticket]) -> bool:
        """Whether a newcomer need not wait for any of those that do, nor for those that run."""
        return self._fits(ticket, running) and not any(self._apart(t) == self._apart(ticket) for t in self.waiting)

    def ahead(self, ticket: Ticket) -> tuple[list[Ticket], int]:
        """Who a newcomer would wait for in the line, and how many places they share."""
        kind = self._apart(ticket)
        return [t for t in self.waiting if self._apart(t) == kind], self.sessions if kind else self.slots

    def serve(self, ticket: Ticket, now: float) -> None:
        """A ticket waits no longer: it runs, here or at a replica."""
        self.waiting.remove(ticket)
        self._served[ticket.route] = now

    def forget(self, route: bytes) -> None:
        """A client is gone: what it was served interests nobody any more."""
        self._served.pop(route, None)

    def _apart(self, ticket: Ticket) -> bool:
        """Whether it takes one of the places that are for sessions alone."""
        return ticket.session and self.sessions > 0

    def _fits(self, ticket: Ticket, running: Collection[Ticket]) -> bool:
        kind = self._apart(ticket)
        if sum(self._apart(other) == kind for other in running) >= (self.sessions if kind else self.slots):
            return False
        if any(other.request.id == ticket.request.id for other in running):
            return False
        suspects = ticket.alone or any(other.alone for other in running)
        return ticket.session or not suspects or all(other.session for other in running)
