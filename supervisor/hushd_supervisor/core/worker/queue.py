"""The requests that wait for a worker: their order, which may run next, and when their clients hear of them.

Files and sessions (live streams, which last as long as somebody speaks) have slots of their own on a worker that
declares them; on any other worker a session takes the slot of a file. A file that waits for its client's input or
credit is set aside: it gives up its slot for good, and once the client goes on, it runs beside the others, piece by
piece in turns. So does one that has had its slot for long while another caller waited.

Of one priority, programs take turns (`Line`); who hears when where it stands is in `Notices`.
"""

from __future__ import annotations

import heapq
import itertools
import math
from bisect import insort
from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Final

from .request import GIVE_WAY_S, ActiveRequest

MAX_QUEUED_BYTES = 16_000_000  # bytes of the texts and parameters that wait for one worker
MAX_TOLD = 32  # clients in one turn: if a thousand woke at the same moment, they would leave us no processor


class Queue:
    """The requests that wait for one worker: by priority, and fair between programs.
    `waiting`: these, as they came.
    """

    def __init__(self, running: Mapping[bytes, ActiveRequest]) -> None:
        self._running = running
        self._waiting: dict[ActiveRequest, int] = {}  # requests as they came, each with its bytes
        self.waiting: Final = self._waiting.keys()
        self._bytes = 0  # sum of these
        self._slots = 1  # of the process that runs or ran last, and those that are for live streams alone
        self._sessions = 0
        self._aside = 0  # jobs that the process carries on aside, beside its slots
        self._lines: dict[tuple[bool, int], Line] = {}  # lines by kind and priority
        self._warming: dict[ActiveRequest, None] = {}

    @property
    def sessions(self) -> int:
        """The number of slots that are for live streams alone."""
        return self._sessions

    @property
    def sets_aside(self) -> bool:
        """True if the process carries on jobs aside, beside its slots."""
        return self._aside > 0

    def declare(self, slots: int, sessions: int, aside: int) -> None:
        """Takes the slots that a process declares."""
        self._slots, self._sessions, self._aside = max(1, slots), max(0, sessions), max(0, aside)

    def add(self, request: ActiveRequest) -> None:
        """Adds a request; one that was here before gets its old place."""
        self._lines.setdefault((request.session, request.rank), Line()).add(request)
        self._waiting[request] = _size(request)
        self._bytes += self._waiting[request]
        if request.message.op == "warm":
            self._warming[request] = None

    def remove(self, request: ActiveRequest, *, served: bool = False) -> None:
        """Removes a request: it is about to run, here or at a replica, if it is `served`."""
        self._lines[request.session, request.rank].take(request, served=served)
        self._bytes -= self._waiting.pop(request)
        self._warming.pop(request, None)

    def has_room(self, request: ActiveRequest, places: int) -> bool:
        """Returns whether one more request may wait in a queue of so many `places`."""
        return len(self._waiting) < places and self._bytes + _size(request) <= MAX_QUEUED_BYTES

    # --- the order ---------------------------------------------------------------------------------------------------

    def order(self, now: float) -> Iterator[ActiveRequest]:
        """Yields the waiting requests, the next first: by priority, a level higher for each `AGING_S` of waiting."""
        heads = [(*line[0].urgency(now), number, line, 0) for number, line in enumerate(self._ordered(now))]
        while heads:
            *_, number, line, index = heapq.heappop(heads)
            yield line[index]
            if (index := index + 1) < len(line):
                heapq.heappush(heads, (*line[index].urgency(now), number, line, index))

    def position(self, request: ActiveRequest, now: float) -> int:
        """The number of requests ahead of a waiting one; of its own kind if sessions have slots of their own.
        It assumes that nothing more urgent comes, and that a line which is more urgent now stays so."""
        kind, own = self._apart(request), self._lines[request.session, request.rank]
        before = itertools.takewhile(lambda line: line is not own, self._ordered(now))
        ahead = sum(len(line) for line in before if self._apart(line[0]) == kind)
        return ahead + own.index(request)

    def warming(self) -> list[ActiveRequest]:
        """The requests that only want the worker to be ready."""
        return list(self._warming)

    # --- what may run ------------------------------------------------------------------------------------------------

    def next(self, now: float) -> ActiveRequest | None:
        """The request that may run now, beside the running ones.

        A suspect only runs while no other file runs, and while it waits for that, no file passes it. A session does not
        block requests for other slots. Two clients' requests with the same id run one after the other.
        """
        free = {kind for kind in (False, True) if self._is_free(kind)} if self._waiting else ()
        held = False
        for request in self.order(now) if free else ():
            apart = self._apart(request)
            if apart in free and (apart or not held) and self._fits(request):
                return request
            held = held or request.alone
        return None

    @property
    def free(self) -> bool:
        """True if the process has a slot for another job of any kind."""
        return self._is_free(False) or self._is_free(True)

    def would_run(self, request: ActiveRequest) -> bool:
        """Returns whether a new request would run without waiting."""
        kind = self._apart(request)
        others_wait = any(self._apart(line[0]) == kind for line in self._lines.values() if line)
        return not others_wait and self._is_free(kind) and self._fits(request)

    def ahead(self, request: ActiveRequest) -> tuple[list[ActiveRequest], int]:
        """The requests that a new one would wait for, and the number of slots that they share."""
        kind = self._apart(request)
        return [each for each in self._waiting if self._apart(each) == kind], self._sessions if kind else self._slots

    def crowded(self, caller: tuple[bytes, int]) -> bool:
        """Returns whether a caller's next job cannot be set aside: all places are taken, or half of them by it."""
        callers = [job.caller for job in self._running.values() if job.aside]
        return bool(self._aside) and (len(callers) >= self._aside or 2 * callers.count(caller) >= self._aside)

    def make_way(self, waiting: Collection[ActiveRequest], now: float) -> None:
        """Sets files aside that have run for long, for requests of other callers that have waited as long."""
        if not self._aside:
            return
        old = [request for request in waiting if now >= request.arrived + GIVE_WAY_S and not self._apart(request)]
        for job in [job for job in self._running.values() if job.may_give_way(now)]:
            others = (each for each in old if each.caller != job.caller and each.level(now) <= job.rank)
            if any(map(self._fits, others)):
                job.give_way()

    def _ordered(self, now: float) -> list[Line]:
        return sorted((line for line in self._lines.values() if line), key=lambda line: line[0].urgency(now))

    def _apart(self, request: ActiveRequest) -> bool:
        """Returns whether a request takes one of the slots that are for sessions alone."""
        return request.session and self._sessions > 0

    def _is_free(self, kind: bool) -> bool:
        """Returns whether a slot is free: of those for sessions alone, or of the others."""
        taken = sum(self._apart(job) == kind for job in self._running.values() if not job.aside)
        return taken < (self._sessions if kind else self._slots)

    def _fits(self, request: ActiveRequest) -> bool:
        if not self._apart(request) and self.crowded(request.caller):
            return False
        if any(job.message.id == request.message.id for job in self._running.values()):
            return False
        in_slots = [job for job in self._running.values() if not job.aside]
        suspects = request.alone or any(job.alone for job in in_slots)
        return request.session or not suspects or all(job.session for job in in_slots)


class Line(list[ActiveRequest]):
    """Waiting requests, those of the next round first; a program's own in the order of their arrival.

    Rounds are numbers: an even one for a program's first request, the next odd ones for its further requests. So the
    first request of a program waits for none of a thousand that another has queued, and a thousand new programs do not
    overtake one that waits. Within a round the earliest request comes first.
    """

    def __init__(self) -> None:
        super().__init__()
        self._round = 0  # round of the last request that was served
        self._next: dict[Hashable, int] = {}  # the next turn of each program that waits, or has just been served
        self._counts: Counter[Hashable] = Counter()

    def add(self, request: ActiveRequest) -> None:
        """Adds a request at the end of its program's; one that has had its turn gets its old place again."""
        if request.line_up(max(self._round // 2 * 2 + 2, self._next.get(request.line, 0))):
            self._next[request.line] = request.turn // 2 * 2 + 3
        self._counts[request.line] += 1
        insort(self, request, key=lambda waiting: (waiting.turn, waiting.order))

    def take(self, request: ActiveRequest, *, served: bool) -> None:
        """Takes out a request: it has had its turn, or waits no more."""
        line = request.line
        self.remove(request)
        self._counts[line] -= 1
        if served:
            self._round = max(self._round, request.turn)
        elif not self._counts[line]:
            self._next.pop(line, None)  # it has had none of the turns before that
        if not self._counts[line]:
            del self._counts[line]
        if len(self._next) > 64 + 2 * len(self._counts):
            self._next = {line: round for line, round in self._next.items() if round > self._round}


class Notices:
    """The times at which those of `waiting` are due."""

    def __init__(self, waiting: Collection[ActiveRequest]) -> None:
        self._waiting = waiting
        self._due: list[tuple[float, int, ActiveRequest]] = []  # a heap; those that wait no more may be left in it
        self._count = itertools.count()

    def add(self, request: ActiveRequest) -> None:
        """Notes when a request's client must be told what it waits for, and its deadline."""
        if request.deadline < math.inf:
            self._note(request.deadline, request)
        self._note(request.tell_at(), request)

    def told(self, request: ActiveRequest, now: float) -> None:
        """Notes that a client has just heard of its request."""
        self._note(request.tell(now), request)

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
        return request in self._waiting and due in (request.deadline, request.tell_at())

    def _note(self, due: float, request: ActiveRequest) -> None:
        heapq.heappush(self._due, (due, next(self._count), request))
        if len(self._due) > 64 + 4 * len(self._waiting):  # mostly of requests that wait no more
            self._due = [entry for entry in self._due if self._is_current(*entry)]
            heapq.heapify(self._due)


def _size(request: ActiveRequest) -> int:
    """Returns the bytes that a waiting request costs, about."""
    return len(request.message.payload) + len(str(request.message.params))
