"""The requests that found no place in a queue, and whose clients wait for one: nothing of them is kept but an entry.

A client that says `wait` is told `waiting` where it would be refused, and the request itself is dropped. When a place
is free it is promised to one of them, whose client is told `send`, and sends the request again. A client that asks
again and again in place of that would be late for most places, and a thousand of them would keep the supervisor busy.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, deque
from collections.abc import Callable

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass

from .actions import Action, ToClient
from .connections import MAX_WOKEN, Program, turn_s
from .share import SHARE
from .worker.jobs import ENDINGS, TELL_S
from .worker.request import level

MAX_WAITING = 8192  # that wait; of one program four fifths
SEND_S = 10.0  # for which a place is promised; a client that has not sent until then starts anew, behind the others
Key = tuple[bytes, bytes]  # route and id
_Group = tuple[str, Program, int]


@dataclass(eq=False, slots=True)
class Ticket:
    """A request that waits for a place."""

    route: bytes
    id: bytes
    program: Program
    rank: int
    worker: str  # empty while no catalogue names it
    order: int
    arrived: float
    deadline: float

    @property
    def key(self) -> Key:
        return self.route, self.id

    @property
    def group(self) -> _Group:
        return self.worker, self.program, self.rank


class Turnstile:
    """Those who wait for a place: of equal level, each program has its turn, and in a program the first comes first.

    Attributes:
        promised: those that were told to send, with the end of their time.
    """

    def __init__(self) -> None:
        self._tickets: dict[Key, Ticket] = {}
        self._groups: dict[_Group, dict[Key, Ticket]] = {}  # those that wait for their turn, in order
        self.promised: dict[Ticket, float] = {}
        self._counts: Counter[Program] = Counter()
        self._deadlines: list[tuple[float, Key]] = []  # a heap; some of those that have ended are left in it
        self._turns: dict[Program, int] = {}  # when each had its last turn
        self._turn = 0
        self._to_tell: deque[Ticket] = deque()  # in the order in which they were told; some have ended
        self._tell_at = math.inf

    def __len__(self) -> int:
        return len(self._tickets)

    def __contains__(self, key: Key) -> bool:
        return key in self._tickets

    def has_room(self, program: Program) -> bool:
        """Returns whether one more of `program` may wait; whatever one does, another's may."""
        return self._counts[program] < SHARE * (MAX_WAITING - len(self._tickets))

    def add(self, ticket: Ticket, now: float) -> list[Action]:
        """Has a request wait; the client hears of it."""
        self._tickets[ticket.key] = ticket
        self._groups.setdefault(ticket.group, {})[ticket.key] = ticket
        self._counts[ticket.program] += 1
        if ticket.deadline < math.inf:
            if len(self._deadlines) > 2 * len(self._tickets):
                self._deadlines = sorted({(t.deadline, t.key) for t in self._tickets.values() if t.deadline < math.inf})
            heapq.heappush(self._deadlines, (ticket.deadline, ticket.key))
        self._to_tell.append(ticket)
        self._tell_at = min(self._tell_at, now + turn_s(TELL_S, len(self._to_tell)))
        return [ToClient(ticket.route, _waiting(ticket, len(self._tickets) - 1))]

    def take(self, key: Key) -> tuple[Ticket, bool] | None:
        """Removes and returns the one of this name, if there is one, and whether it was promised a place."""
        ticket = self._tickets.pop(key, None)
        if ticket is None:
            return None
        promised = self.promised.pop(ticket, None) is not None
        if not promised:
            self._leave_group(ticket)
        self._counts[ticket.program] -= 1
        if not self._counts[ticket.program]:
            del self._counts[ticket.program]
            self._turns.pop(ticket.program, None)
        if not self._tickets:
            self._deadlines.clear()
            self._to_tell.clear()
        return ticket, promised

    def call(self, has_place: Callable[[Ticket], bool], now: float) -> list[Action]:
        """Promises each free place to somebody, who is told to send."""
        actions: list[Action] = []
        while ticket := self._next(has_place, now):
            self._leave_group(ticket)
            self.promised[ticket] = now + SEND_S
            self._turn += 1
            self._turns[ticket.program] = self._turn
            actions.append(ToClient(ticket.route, m.Accepted(id=ticket.id, state="send")))
        return actions

    def end(self, key: Key, code: str) -> list[Action]:
        """Ends the one of this name, if there is one."""
        if (taken := self.take(key)) is None:
            return []
        return [ToClient(taken[0].route, m.Error.of(taken[0].id, HushdError(code, ENDINGS[code])))]

    def end_all(self, code: str, route: bytes | None = None) -> list[Action]:
        """Ends all of them, or those of one connection."""
        keys = [key for key in self._tickets if route in (None, key[0])]
        return [action for key in keys for action in self.end(key, code)]

    # --- time ----------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """The time at which `on_time` is due, `math.inf` for never."""
        if not self._tickets:
            return math.inf
        late = self._deadlines[0][0] if self._deadlines else math.inf
        return min(self._tell_at, late, *self.promised.values())

    def on_time(self, now: float) -> list[Action]:
        """Ends those whose deadlines have passed, takes unused promises back, and tells the others."""
        actions: list[Action] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            key = heapq.heappop(self._deadlines)[1]
            if key in self._tickets and self._tickets[key].deadline <= now:
                actions += self.end(key, "deadline_exceeded")
        for ticket in [ticket for ticket, until in self.promised.items() if until <= now]:
            del self.promised[ticket]
            ticket.arrived = now
            self._groups.setdefault(ticket.group, {})[ticket.key] = ticket
        if self._tell_at <= now:
            actions += self._tell(now)
        return actions

    def _tell(self, now: float) -> list[Action]:
        """Tells some of those who wait that they do: each of them every `TELL_S`, never all at the same moment."""
        oldest = [self._to_tell.popleft() for _ in range(min(MAX_WOKEN, len(self._to_tell)))]
        due_tickets = [ticket for ticket in oldest if self._tickets.get(ticket.key) is ticket]
        self._to_tell += due_tickets
        self._tell_at = now + turn_s(TELL_S, len(self._to_tell)) if self._to_tell else math.inf
        places = {ticket: position for position, ticket in enumerate(self._tickets.values())}
        return [ToClient(ticket.route, _waiting(ticket, places[ticket])) for ticket in due_tickets]

    # --- inside --------------------------------------------------------------------------------------------------

    def _next(self, has_place: Callable[[Ticket], bool], now: float) -> Ticket | None:
        """The next whose turn it is, of those for whom there is a place."""
        heads = (next(iter(group.values())) for group in self._groups.values())
        free = filter(has_place, heads)
        return min(
            free, key=lambda t: (level(t.rank, t.arrived, now), self._turns.get(t.program, 0), t.order), default=None
        )

    def _leave_group(self, ticket: Ticket) -> None:
        group = self._groups[ticket.group]
        del group[ticket.key]
        if not group:
            del self._groups[ticket.group]


def _waiting(ticket: Ticket, position: int) -> m.Accepted:
    note = f"{position} requests before this one wait for a place"
    return m.Accepted(id=ticket.id, state="waiting", position=position, note=note)
