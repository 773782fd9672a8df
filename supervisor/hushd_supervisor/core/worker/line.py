"""The requests of one priority that wait for a worker, in a fair order: programs take turns."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Hashable

from .request import ActiveRequest


class Line:
    """Waiting requests, first those whose turn is next; a program's own in the order of their arrival.

    Turns are numbers: an even one for a program's first request, the next odd ones for its further requests. So a
    thousand requests of one program delay another's first by none of those that wait, and a thousand new programs pass
    nobody who waits. Of those with the same turn the first comes first.

    Attributes:
        requests: in order; changed by the methods alone.
    """

    def __init__(self) -> None:
        self.requests: list[ActiveRequest] = []
        self._turn = 0  # of the last request that was served
        self._next: dict[Hashable, int] = {}  # the next turn of each program that waits, or has just been served
        self._counts: Counter[Hashable] = Counter()

    def add(self, request: ActiveRequest) -> None:
        """Adds a request at the end of its program's; one that has had its turn gets its old place again."""
        if not request.turn:
            request.turn = max(self._turn // 2 * 2 + 2, self._next.get(request.program, 0))
            self._next[request.program] = request.turn // 2 * 2 + 3
        self._counts[request.program] += 1
        insort(self.requests, request, key=lambda waiting: (waiting.turn, waiting.order))

    def remove(self, request: ActiveRequest, *, served: bool) -> None:
        """Removes a request: it has had its turn, or waits no more."""
        program = request.program
        self.requests.remove(request)
        self._counts[program] -= 1
        if served:
            self._turn = max(self._turn, request.turn)
        elif not self._counts[program]:
            self._next.pop(program, None)  # it has had none of the turns before that
        if not self._counts[program]:
            del self._counts[program]
        if len(self._next) > 64 + 2 * len(self._counts):
            self._next = {program: turn for program, turn in self._next.items() if turn > self._turn}

    def level(self, now: float, index: int = 0) -> tuple[int, int]:
        """The urgency of a request: its priority with its wait, then its arrival; the least goes first."""
        return self.requests[index].level(now), self.requests[index].order
