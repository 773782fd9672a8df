"""The requests that wait for a worker: their order, and which may run next.

Files and sessions (live streams, which last as long as somebody speaks) have slots of their own on a worker that
declares them; on any other worker a session takes the slot of a file. A file that waits for its client's input or
credit is set aside: it gives up its slot for good, and once the client goes on, it runs beside the others, piece by
piece in turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable

from .request import ActiveRequest


class Queue:
    """The requests that wait for one worker.

    Attributes:
        waiting: the requests in the order of `sort`; only changed in place.
        slots, sessions: the slots of the process that runs or ran last; `sessions` are for live streams alone.
        aside: how many jobs the process carries on aside, beside its slots; 0: it sets none aside.
    """

    def __init__(self, report: Callable[[ActiveRequest], None]) -> None:
        self.waiting: list[ActiveRequest] = []
        self.slots = 1
        self.sessions = 0
        self.aside = 0
        self._report = report  # tells a client its request's new position
        self._served: dict[Hashable, float] = {}  # by program: when one of its jobs was last handed out

    def sort(self, now: float) -> None:
        """Puts the waiting requests in order, and reports their new positions.

        By priority, a level higher for each AGING_S of waiting, so that none starves. Then in rounds: the first request
        of each program, then the second of each, so that a program with many requests never delays another's first.
        Then by how long ago the program was served, then by arrival.
        """
        if not self.waiting:
            return
        rounds: dict[Hashable, int] = {}
        keys: dict[ActiveRequest, tuple[float, int, float, int]] = {}
        for request in sorted(self.waiting, key=lambda t: (t.level(now), t.order)):
            nth = rounds[request.program] = rounds.get(request.program, -1) + 1
            keys[request] = (request.level(now), nth, self._served.get(request.program, -math.inf), request.order)
        self.waiting.sort(key=keys.__getitem__)
        positions = [0, 0]
        for request in self.waiting:
            kind = self._apart(request)
            if request.position is not None and request.position != positions[kind]:
                request.position = positions[kind]
                self._report(request)
            positions[kind] += 1

    def position(self, request: ActiveRequest) -> int:
        """The number of requests ahead of a waiting one; of its own kind if sessions have slots of their own."""
        ahead = self.waiting[: self.waiting.index(request)]
        return sum(self._apart(waiting) == self._apart(request) for waiting in ahead)

    def next(self, running: Collection[ActiveRequest]) -> ActiveRequest | None:
        """The request that may run now, beside the running ones.

        A suspect only runs while no other file runs, and while it waits for that, no file passes it. A session does not
        block requests for other slots. Two clients' requests with the same id run one after the other.
        """
        held = False
        for request in self.waiting:
            apart = self._apart(request)
            if (apart or not held) and self._fits(request, running):
                return request
            held = held or request.alone
        return None

    def would_run(self, request: ActiveRequest, running: Collection[ActiveRequest]) -> bool:
        """Returns whether a new request would run without waiting."""
        return self._fits(request, running) and not any(self._apart(t) == self._apart(request) for t in self.waiting)

    def ahead(self, request: ActiveRequest) -> tuple[list[ActiveRequest], int]:
        """The requests that a new one would wait for, and the number of slots that they share."""
        kind = self._apart(request)
        return [t for t in self.waiting if self._apart(t) == kind], self.sessions if kind else self.slots

    def serve(self, request: ActiveRequest, now: float) -> None:
        """Removes a request that is about to run, here or at a replica."""
        self.waiting.remove(request)
        self._served[request.program] = now

    def forget(self, program: Hashable) -> None:
        """Forgets a program that has left."""
        self._served.pop(program, None)

    def _apart(self, request: ActiveRequest) -> bool:
        """Returns whether a request takes one of the slots that are for sessions alone."""
        return request.session and self.sessions > 0

    def _fits(self, request: ActiveRequest, running: Collection[ActiveRequest]) -> bool:
        kind = self._apart(request)
        holders = [job for job in running if not job.aside]
        if sum(self._apart(job) == kind for job in holders) >= (self.sessions if kind else self.slots):
            return False
        if not kind and self.crowded(request.route, running):
            return False
        if any(job.message.id == request.message.id for job in running):
            return False
        suspects = request.alone or any(job.alone for job in holders)
        return request.session or not suspects or all(job.session for job in holders)

    def crowded(self, route: bytes, running: Collection[ActiveRequest]) -> bool:
        """Returns whether a client's next job cannot be set aside: all places are taken, or half of them by it."""
        clients = [job.route for job in running if job.aside]
        return bool(self.aside) and (len(clients) >= self.aside or 2 * clients.count(route) >= self.aside)
