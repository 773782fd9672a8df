"""The requests that wait for a worker: their order, and which may run next.

Files and sessions (live streams, which last as long as somebody speaks) have slots of their own on a worker that
declares them; on any other worker a session takes the slot of a file. A file that waits for its client's input or
credit is set aside: it gives up its slot for good, and once the client goes on, it runs beside the others, piece by
piece in turns.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator

from .line import Line
from .request import ActiveRequest

MAX_BYTES = 16_000_000  # of the texts and parameters that wait for one worker


class Queue:
    """The requests that wait for one worker: by priority, and fair between programs (`line`).

    Attributes:
        waiting: the requests as they came, each with its bytes; only changed by the methods.
        bytes: the sum of these.
        slots, sessions: the slots of the process that runs or ran last; `sessions` are for live streams alone.
        aside: how many jobs the process carries on aside, beside its slots; 0: it sets none aside.
    """

    def __init__(self) -> None:
        self.waiting: dict[ActiveRequest, int] = {}
        self.bytes = 0
        self.slots = 1
        self.sessions = 0
        self.aside = 0
        self._lines: dict[tuple[bool, int], Line] = {}  # by kind and priority
        self._warming: dict[ActiveRequest, None] = {}
        self._asking: set[ActiveRequest] = set()  # those that ask for a device

    def add(self, request: ActiveRequest) -> None:
        """Adds a request; one that was here before gets its old place."""
        self._lines.setdefault((request.session, request.rank), Line()).add(request)
        self.waiting[request] = _size(request)
        self.bytes += self.waiting[request]
        if request.message.op == "warm":
            self._warming[request] = None
        if request.device:
            self._asking.add(request)

    def remove(self, request: ActiveRequest, *, served: bool = False) -> None:
        """Removes a request: it is about to run, here or at a replica, if it is `served`."""
        self._lines[request.session, request.rank].remove(request, served=served)
        self.bytes -= self.waiting.pop(request)
        self._warming.pop(request, None)
        self._asking.discard(request)

    def has_room(self, request: ActiveRequest, places: int) -> bool:
        """Returns whether one more request may wait in a queue of so many `places`."""
        return len(self.waiting) < places and self.bytes + _size(request) <= MAX_BYTES

    # --- the order ---------------------------------------------------------------------------------------------------

    def order(self, now: float) -> Iterator[ActiveRequest]:
        """Yields the waiting requests, the next first: by priority, a level higher for each `AGING_S` of waiting."""
        heads = [(*line.level(now), number, line, 0) for number, line in enumerate(self._ordered(now))]
        while heads:
            *_, number, line, index = heapq.heappop(heads)
            yield line.requests[index]
            if (index := index + 1) < len(line.requests):
                heapq.heappush(heads, (*line.level(now, index), number, line, index))

    def level(self, now: float) -> tuple[int, int]:
        """The urgency of the next request, see `Line.level`."""
        return self._ordered(now)[0].level(now)

    def position(self, request: ActiveRequest, now: float) -> int:
        """The number of requests ahead of a waiting one; of its own kind if sessions have slots of their own.

        It is what holds if nothing more urgent comes, and a line that is more urgent now stays so.
        """
        kind, ahead = self._apart(request), 0
        for line in self._ordered(now):
            if line is self._lines[request.session, request.rank]:
                return ahead + line.requests.index(request)
            if self._apart(line.requests[0]) == kind:
                ahead += len(line.requests)
        return ahead

    def warming(self) -> list[ActiveRequest]:
        """The requests that only want the worker to be ready."""
        return list(self._warming)

    def device_asked(self, now: float) -> str:
        """The device that the next request asks for; empty for any."""
        return next(self.order(now)).device if self._asking else ""

    # --- what may run ------------------------------------------------------------------------------------------------

    def next(self, running: Collection[ActiveRequest], now: float) -> ActiveRequest | None:
        """The request that may run now, beside the running ones.

        A suspect only runs while no other file runs, and while it waits for that, no file passes it. A session does not
        block requests for other slots. Two clients' requests with the same id run one after the other.
        """
        free = {kind for kind in (False, True) if self._is_free(kind, running)}
        held = False
        for request in self.order(now) if free else ():
            apart = self._apart(request)
            if apart in free and (apart or not held) and self._fits(request, running):
                return request
            held = held or request.alone
        return None

    def free(self, running: Collection[ActiveRequest]) -> bool:
        """Returns whether a slot of any kind is free."""
        return self._is_free(False, running) or self._is_free(True, running)

    def would_run(self, request: ActiveRequest, running: Collection[ActiveRequest]) -> bool:
        """Returns whether a new request would run without waiting."""
        kind = self._apart(request)
        others_wait = any(self._apart(line.requests[0]) == kind for line in self._lines.values() if line.requests)
        return not others_wait and self._is_free(kind, running) and self._fits(request, running)

    def ahead(self, request: ActiveRequest) -> tuple[list[ActiveRequest], int]:
        """The requests that a new one would wait for, and the number of slots that they share."""
        kind = self._apart(request)
        return [t for t in self.waiting if self._apart(t) == kind], self.sessions if kind else self.slots

    def crowded(self, route: bytes, running: Collection[ActiveRequest]) -> bool:
        """Returns whether a client's next job cannot be set aside: all places are taken, or half of them by it."""
        clients = [job.route for job in running if job.aside]
        return bool(self.aside) and (len(clients) >= self.aside or 2 * clients.count(route) >= self.aside)

    # --- inside --------------------------------------------------------------------------------------------------

    def _ordered(self, now: float) -> list[Line]:
        return sorted((line for line in self._lines.values() if line.requests), key=lambda line: line.level(now))

    def _apart(self, request: ActiveRequest) -> bool:
        """Returns whether a request takes one of the slots that are for sessions alone."""
        return request.session and self.sessions > 0

    def _is_free(self, kind: bool, running: Collection[ActiveRequest]) -> bool:
        """Returns whether a slot is free: of those for sessions alone, or of the others."""
        holders = sum(self._apart(job) == kind for job in running if not job.aside)
        return holders < (self.sessions if kind else self.slots)

    def _fits(self, request: ActiveRequest, running: Collection[ActiveRequest]) -> bool:
        if not self._apart(request) and self.crowded(request.route, running):
            return False
        if any(job.message.id == request.message.id for job in running):
            return False
        holders = [job for job in running if not job.aside]
        suspects = request.alone or any(job.alone for job in holders)
        return request.session or not suspects or all(job.session for job in holders)


def _size(request: ActiveRequest) -> int:
    """Returns the bytes that a waiting request costs, about."""
    return len(request.message.payload) + len(str(request.message.params))
