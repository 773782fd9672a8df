"""The requests that wait for a worker: their order, which may run next, and when their clients hear of them.

Files and sessions (live streams, which last as long as somebody speaks) have slots of their own on a worker that
declares them; on any other worker a session takes the slot of a file. A file that waits for its client's input or
credit gives up its slot for good, and once the client goes on, it runs beside the others, piece by
piece in turns. So does one that has had its slot for long while another caller waited.

Of one priority, programs take turns (`Lane`); `NoticeTimer` says when a client hears where it stands.
"""

from __future__ import annotations

import heapq
import itertools
import math
from bisect import insort
from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Final

from .request import YIELD_SLOT_S, ActiveRequest

MAX_QUEUED_BYTES = 16_000_000  # bytes of the texts and parameters that wait for one worker
MAX_NOTICES = 32  # clients in one turn: if a thousand woke at the same moment, they would leave us no processor


class Queue:
    """The requests that wait for one worker: by priority, and fair between programs.
    `waiting`: these, as they came.
    """

    def __init__(self, running: Mapping[bytes, ActiveRequest]) -> None:
        self._running = running
        self._waiting: dict[ActiveRequest, int] = {}  # requests as they came, each with its bytes
        self.waiting: Final = self._waiting.keys()
        self._bytes = 0  # sum of these
        self._slots = 1  # slots of the process that runs or ran last, and those that are for live streams alone
        self._sessions = 0
        self._side_places = 0  # jobs that the process carries on without a slot
        self._lanes: dict[tuple[bool, int], Lane] = {}  # by kind and priority
        self._warming: dict[ActiveRequest, None] = {}

    @property
    def sessions(self) -> int:
        """The number of slots that are for live streams alone."""
        return self._sessions

    @property
    def has_side_places(self) -> bool:
        """True if the process carries on jobs that have given up their slots."""
        return self._side_places > 0

    def declare(self, slots: int, sessions: int, aside: int) -> None:
        """Takes the slots that a process declares."""
        self._slots, self._sessions, self._side_places = max(1, slots), max(0, sessions), max(0, aside)

    def add(self, request: ActiveRequest) -> None:
        """Adds a request; one that was here before gets its old place."""
        self._lanes.setdefault((request.session, request.rank), Lane()).add(request)
        self._waiting[request] = _size(request)
        self._bytes += self._waiting[request]
        if request.message.op == "warm":
            self._warming[request] = None

    def remove(self, request: ActiveRequest, *, served: bool = False) -> None:
        """Removes a request: it is about to run, here or at a replica, if it is `served`."""
        self._lanes[request.session, request.rank].release(request, served=served)
        self._bytes -= self._waiting.pop(request)
        self._warming.pop(request, None)

    def has_capacity(self, request: ActiveRequest, places: int) -> bool:
        """Returns whether one more request may wait in a queue of so many `places`."""
        return len(self._waiting) < places and self._bytes + _size(request) <= MAX_QUEUED_BYTES

    # --- the order ---------------------------------------------------------------------------------------------------

    def order(self, now: float) -> Iterator[ActiveRequest]:
        """Yields the waiting requests, the next first: by priority, a level higher for each `AGING_S` of waiting."""
        heads = [(*lane[0].urgency(now), number, lane, 0) for number, lane in enumerate(self._ordered(now))]
        while heads:
            *_, number, lane, index = heapq.heappop(heads)
            yield lane[index]
            if (index := index + 1) < len(lane):
                heapq.heappush(heads, (*lane[index].urgency(now), number, lane, index))

    def position(self, request: ActiveRequest, now: float) -> int:
        """The number of requests ahead of a waiting one; of its own kind if sessions have slots of their own.
        It assumes that nothing more urgent comes, and that a lane which is more urgent now stays so."""
        kind, own = self._apart(request), self._lanes[request.session, request.rank]
        before = itertools.takewhile(lambda lane: lane is not own, self._ordered(now))
        ahead = sum(len(lane) for lane in before if self._apart(lane[0]) == kind)
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
        others_wait = any(self._apart(lane[0]) == kind for lane in self._lanes.values() if lane)
        return not others_wait and self._is_free(kind) and self._fits(request)

    def ahead(self, request: ActiveRequest) -> tuple[list[ActiveRequest], int]:
        """The requests that a new one would wait for, and the number of slots that they share."""
        kind = self._apart(request)
        return [each for each in self._waiting if self._apart(each) == kind], self._sessions if kind else self._slots

    def crowded(self, caller: tuple[bytes, int]) -> bool:
        """Returns whether a caller's next job must keep its slot: all side places are taken, or half of them by it."""
        if not self._side_places:
            return False
        callers = [job.caller for job in self._running.values() if job.without_slot]
        return max(len(callers), 2 * callers.count(caller)) >= self._side_places

    def yield_slots(self, waiting: Collection[ActiveRequest], now: float) -> None:
        """Has files that have run for long yield their slots to requests of other callers that have waited as long."""
        if not self._side_places:
            return
        old = [request for request in waiting if now >= request.arrived + YIELD_SLOT_S and not self._apart(request)]
        for job in self._running.values() if old else ():
            others = (each for each in old if each.caller != job.caller and each.level(now) <= job.rank)
            if any(map(self._fits, others)):
                job.yield_slot(now)

    def _ordered(self, now: float) -> list[Lane]:
        return sorted((lane for lane in self._lanes.values() if lane), key=lambda lane: lane[0].urgency(now))

    def _apart(self, request: ActiveRequest) -> bool:
        """Returns whether a request takes one of the slots that are for sessions alone."""
        return request.session and self._sessions > 0

    def _is_free(self, kind: bool) -> bool:
        """Returns whether a slot is free: of those for sessions alone, or of the others."""
        taken = sum(self._apart(job) == kind for job in self._running.values() if not job.without_slot)
        return taken < (self._sessions if kind else self._slots)

    def _fits(self, request: ActiveRequest) -> bool:
        if not self._apart(request) and self.crowded(request.caller):
            return False
        if any(job.message.id == request.message.id for job in self._running.values()):
            return False
        in_slots = [job for job in self._running.values() if not job.without_slot]
        suspects = request.alone or any(job.alone for job in in_slots)
        return request.session or not suspects or all(job.session for job in in_slots)


class Lane(list[ActiveRequest]):
    """Waiting requests, those of the next round first; a program's own in the order of their arrival.

    Rounds are numbers: an even one for a program's first request, the next odd ones for its further requests. So the
    first request of a program waits for none of a thousand that another has queued, and a thousand new programs do not
    overtake one that waits. Within a round the earliest request comes first.
    """

    def __init__(self) -> None:
        super().__init__()
        self._served_turn = 0  # turn of the last request that was served
        self._next: dict[Hashable, int] = {}  # the next turn of each program that waits, or has just been served
        self._counts: Counter[Hashable] = Counter()

    def add(self, request: ActiveRequest) -> None:
        """Adds a request at the end of its program's; one that has had its turn gets its old place again."""
        if request.line_up(max(self._served_turn // 2 * 2 + 2, self._next.get(request.turn_key, 0))):
            self._next[request.turn_key] = request.lane_turn // 2 * 2 + 3
        self._counts[request.turn_key] += 1
        insort(self, request, key=lambda waiting: (waiting.lane_turn, waiting.order))

    def release(self, request: ActiveRequest, *, served: bool) -> None:
        """Takes out a request: it has had its turn, or waits no more."""
        key = request.turn_key
        self.remove(request)
        self._counts[key] -= 1
        if served:
            self._served_turn = max(self._served_turn, request.lane_turn)
        elif not self._counts[key]:
            self._next.pop(key, None)  # it has had none of the turns before that
        if not self._counts[key]:
            del self._counts[key]
        if len(self._next) > 64 + 2 * len(self._counts):
            self._next = {key: turn for key, turn in self._next.items() if turn > self._served_turn}


class NoticeTimer:
    """The times at which those of `waiting` are due."""

    def __init__(self, waiting: Collection[ActiveRequest]) -> None:
        self._waiting = waiting
        self._due: list[tuple[float, int, ActiveRequest]] = []  # a heap; those that wait no more may be left in it
        self._count = itertools.count()

    def add(self, request: ActiveRequest) -> None:
        """Notes when a request's client must be told what it waits for, and its deadline."""
        if request.deadline < math.inf:
            self._note(request.deadline, request)
        self._note(request.next_notice_at(), request)

    def sent(self, request: ActiveRequest, now: float) -> None:
        """Notes that a client has just heard of its request."""
        self._note(request.notice_sent(now), request)

    def next(self) -> float:
        """The time at which a request is due, `math.inf` for never."""
        while self._due and not self._is_current(*self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else math.inf

    def pop_due(self, now: float) -> tuple[list[ActiveRequest], list[ActiveRequest]]:
        """Returns some requests that are due: those past their deadline, and those whose clients must be told."""
        due: dict[ActiveRequest, None] = {}
        while self.next() <= now and len(due) < MAX_NOTICES:
            due[heapq.heappop(self._due)[2]] = None
        late = [request for request in due if request.deadline <= now]
        return late, [request for request in due if request.deadline > now]

    def _is_current(self, due: float, _: int, request: ActiveRequest) -> bool:
        return request in self._waiting and due in (request.deadline, request.next_notice_at())

    def _note(self, due: float, request: ActiveRequest) -> None:
        heapq.heappush(self._due, (due, next(self._count), request))
        if len(self._due) > 64 + 4 * len(self._waiting):  # mostly of requests that wait no more
            self._due = [entry for entry in self._due if self._is_current(*entry)]
            heapq.heapify(self._due)


def _size(request: ActiveRequest) -> int:
    """Returns the bytes that a waiting request costs, about."""
    return len(request.message.payload) + len(str(request.message.params))
