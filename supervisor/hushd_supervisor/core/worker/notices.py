"""The times of waiting requests: their deadlines, and the next word to their clients."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Collection

from .request import ActiveRequest

TELL_S = 4.0  # between two messages to a waiting client, which takes a request for dead after 5 s of silence
MAX_TOLD = 32  # clients in one turn: if a thousand woke at the same moment, they would leave us no processor


class Notices:
    """The times at which waiting requests are due.

    Args:
        waiting: the requests that wait; others are not due.
    """

    def __init__(self, waiting: Collection[ActiveRequest]) -> None:
        self._waiting = waiting
        self._due: list[tuple[float, int, ActiveRequest]] = []  # a heap; those that wait no more may be left in it
        self._count = itertools.count()

    def add(self, request: ActiveRequest) -> None:
        """Notes when a request, which was `told` something last, must be told again, and its deadline."""
        if request.deadline < math.inf:
            self._note(request.deadline, request)
        self._note(request.told + TELL_S, request)

    def told(self, request: ActiveRequest, now: float) -> None:
        """Notes that a client has just heard of its request."""
        request.told = now
        self._note(now + TELL_S, request)

    def next(self) -> float:
        """The time at which a request is due, `math.inf` for never."""
        while self._due and not self._is_current(*self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else math.inf

    def take(self, now: float) -> tuple[list[ActiveRequest], list[ActiveRequest]]:
        """Returns some requests that are due: those past their deadline, and those whose clients must be told."""
        due: dict[ActiveRequest, None] = {}
        while self.next() <= now and len(due) < MAX_TOLD:
            due[heapq.heappop(self._due)[2]] = None
        late = [request for request in due if request.deadline <= now]
        return late, [request for request in due if request.deadline > now]

    def _is_current(self, due: float, _: int, request: ActiveRequest) -> bool:
        return request in self._waiting and due in (request.deadline, request.told + TELL_S)

    def _note(self, due: float, request: ActiveRequest) -> None:
        heapq.heappush(self._due, (due, next(self._count), request))
        if len(self._due) > 64 + 4 * len(self._waiting):  # mostly of requests that wait no more
            self._due = [entry for entry in self._due if self._is_current(*entry)]
            heapq.heapify(self._due)
