"""The connections that have asked nothing yet, or only polled: a bounded number, each with a deadline.

One costs a buffer of 4 KB at most; nothing here grows with what strangers send.
"""

from __future__ import annotations

import math
import selectors
import socket
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from hushd_protocol.hosts import is_loopback
from hushd_protocol.system.handover import Handover

from hushd_supervisor.core.serving.door import PREFIX, Answer, HandOver, Http, More, Refuse

from .lingering import Lingering
from .listeners import Listener
from .prepared import Answers, refusal

if TYPE_CHECKING:
    from hushd_protocol.system.programs import Programs

MOST = 256  # connections at once
MOST_OF_ONE = (
    128  # of one address, and of this machine's: beyond, the program that has the most of them loses its oldest
)
FIRST_S = 10.0  # for the first request, from the connection on; and for reading an answer
REST_S = {"http": 75.0, "wyoming": 600.0}  # between two polls
DESCRIBE_S = 15.0  # for the engines to be listed


@dataclass(slots=True, eq=False)
class Visitor:
    """A connection that has asked nothing yet, or only polled.

    Attributes:
        due: when it is dropped.
        data: read, and not yet answered.
        out: the rest of an answer that its socket has not taken.
        asked: the poll that waits for the engines to be listed.
        program: at the other end, where it is on this machine and was looked for.
    """

    socket: socket.socket
    listener: Listener
    peer: str
    due: float
    data: bytes = b""
    out: memoryview = field(default_factory=lambda: memoryview(b""))
    asked: Answer | None = None
    closing: bool = False  # after `out`
    rests: bool = False  # it was answered, and has sent nothing since
    program: str = ""


class Visitors:
    """All connections here.

    Args:
        hand_over: takes a connection that needs the gateway, and the time.
        lingering: takes the refused ones.
        others: counts the connections that wait for the gateway, which have places here too.
        most: connections at once.

    Attributes:
        polls, refusals: counted since the start.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        answers: Answers,
        hand_over: Callable[[socket.socket, Handover, float], None],
        lingering: Lingering,
        others: Callable[[], int],
        most: int = MOST,
    ) -> None:
        self._selector = selector
        self._answers = answers
        self._hand_over = hand_over
        self._lingering = lingering
        self._others = others
        self._most = most
        self._all: dict[Visitor, None] = {}  # the oldest first
        self._peers: Counter[str] = Counter()
        self._unfinished: deque[Visitor] = deque()  # have bytes that were read and not looked at
        self._due = math.inf  # not after the first visitor's
        self.polls = self.refusals = 0

    def __len__(self) -> int:
        return len(self._all)

    def add(self, connection: socket.socket, peer: str, listener: Listener, now: float) -> None:
        """Takes a new connection, or refuses it."""
        visitor = Visitor(connection, listener, peer, now + FIRST_S)
        if not listener.allows(peer):
            self.refusals += 1
            connection.close()
        elif status := self._full_for(peer, now):
            self._refuse(visitor, status, now)
        else:
            self._all[visitor] = None
            self._peers[peer] += 1
            self._set_due(visitor, visitor.due)
            self._watch(visitor, selectors.EVENT_READ)
            self._read(visitor, now)  # mostly the request has come with the connection

    def serve(self, visitor: Visitor, mask: int, now: float) -> None:
        """Reads from one that is readable, or goes on with its answer."""
        if visitor not in self._all:
            return  # it made room for another in this very turn
        if mask & selectors.EVENT_WRITE:
            if self._flush(visitor, now) and visitor.data:
                self._unfinished.append(visitor)
        elif mask & selectors.EVENT_READ:
            self._read(visitor, now)

    def deadline(self) -> float:
        """The time at which `on_time` is due."""
        return -math.inf if self._unfinished else self._due

    def on_time(self, now: float, limit: int) -> None:
        """Drops those whose time is up, and looks at what `limit` of them had sent behind a poll."""
        for _ in range(min(limit, len(self._unfinished))):
            self._decide(self._unfinished.popleft(), now)
        if self._due <= now:
            for visitor in [visitor for visitor in self._all if visitor.due <= now]:
                self._drop(visitor)
            self._due = min((visitor.due for visitor in self._all), default=math.inf)

    def described(self, now: float) -> None:
        """Answers those who have waited for the engines to be listed."""
        for visitor in [visitor for visitor in self._all if visitor.asked]:
            visitor.asked = None
            self._decide(visitor, now)

    def stop(self) -> None:
        """Drops those that have no answer under way."""
        for visitor in list(self._all):
            if not visitor.out:
                self._drop(visitor)

    def close(self) -> None:
        """Drops all."""
        for visitor in list(self._all):
            self._drop(visitor)

    # --- room --------------------------------------------------------------------------------------------------------

    def _full_for(self, peer: str, now: float) -> int:
        """The status with which a connection of `peer` is refused, 0 for none; makes room where it can."""
        if self._peers[peer] >= MOST_OF_ONE and not (self._evict(peer) or self._displace(now, peer)):
            return 429
        if len(self._all) + self._others() >= self._most and not (self._evict() or self._displace(now)):
            return 503
        return 0

    def _evict(self, peer: str | None = None) -> bool:
        resting = [v for v in self._all if v.rests and peer in (None, v.peer)]
        if resting:
            self._drop(min(resting, key=lambda visitor: visitor.due))
        return bool(resting)

    def _displace(self, now: float, peer: str | None = None) -> bool:
        """Refuses the oldest connection of the program of this machine that has the most of them."""
        local = [v for v in self._all if _is_local(v.peer) and peer in (None, v.peer) and not v.out and not v.asked]
        if not local:
            return False
        unknown = [visitor for visitor in local if not visitor.program]
        for visitor, program in zip(unknown, self._programs.find([v.socket for v in unknown]), strict=True):
            visitor.program = program
        ((program, _),) = Counter(visitor.program for visitor in local).most_common(1)
        oldest = min((v for v in local if v.program == program), key=lambda visitor: visitor.due)
        self._leave(oldest)
        self._refuse(oldest, 429, now)
        return True

    @cached_property
    def _programs(self) -> Programs:
        from hushd_protocol.system.programs import Programs  # that a supervisor without a crowd has no use for

        return Programs()

    # --- one connection ----------------------------------------------------------------------------------------------

    def _read(self, visitor: Visitor, now: float) -> None:
        if len(visitor.data) >= PREFIX:
            return  # among the unfinished
        try:
            data = visitor.socket.recv(PREFIX - len(visitor.data))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(visitor)
            return
        if visitor.rests:
            visitor.rests = False
            self._set_due(visitor, now + FIRST_S)
        visitor.data += data
        self._decide(visitor, now)

    def _decide(self, visitor: Visitor, now: float) -> None:
        """Acts on the bytes read: one request, so that none who sends many holds up the others."""
        if visitor not in self._all or visitor.out or visitor.asked:
            return
        match decision := visitor.listener.rules.decide(visitor.data):
            case Answer():
                if self._answer(visitor, decision, now) and visitor.data:
                    self._unfinished.append(visitor)
            case HandOver():
                self._pass_on(visitor, now)
            case Refuse(status):
                self._leave(visitor)
                self._refuse(visitor, status, now)
            case More():
                pass

    def _answer(self, visitor: Visitor, asked: Answer, now: float) -> bool:
        """Answers a poll; returns whether the connection can go on at once."""
        reply = self._answers.find(asked.what, visitor.listener.address, now)
        if reply is None:
            visitor.asked = asked
            self._forget(visitor.socket)
            self._set_due(visitor, now + DESCRIBE_S)
            return False
        self.polls += 1
        visitor.data = visitor.data[asked.used :]
        visitor.closing = asked.close
        visitor.out = memoryview(reply.data)[: reply.head if asked.head_only else None]
        return self._flush(visitor, now)

    def _flush(self, visitor: Visitor, now: float) -> bool:
        """Sends what the socket takes; returns whether all was sent and the connection goes on."""
        try:
            sent = visitor.socket.send(visitor.out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(visitor)
            return False
        visitor.out = visitor.out[sent:]
        if visitor.out:
            self._set_due(visitor, now + FIRST_S)
            self._watch(visitor, selectors.EVENT_WRITE)
            return False
        if visitor.closing:
            self._drop(visitor)
            return False
        self._watch(visitor, selectors.EVENT_READ)
        visitor.rests = not visitor.data
        self._set_due(visitor, now + (REST_S[visitor.listener.address.kind] if visitor.rests else FIRST_S))
        return True

    def _pass_on(self, visitor: Visitor, now: float) -> None:
        address = visitor.listener.address
        form = Handover(address.kind, address.text, visitor.peer, visitor.data)
        connection = visitor.socket
        self._leave(visitor)
        self._hand_over(connection, form, now)

    def _refuse(self, visitor: Visitor, status: int, now: float) -> None:
        """Ends the connection of a visitor that is not among the others."""
        self.refusals += 1
        if isinstance(visitor.listener.rules, Http):
            self._lingering.add(visitor.socket, refusal(status), now)
        else:
            visitor.socket.close()

    def _drop(self, visitor: Visitor) -> None:
        self._leave(visitor)
        visitor.socket.close()

    def _leave(self, visitor: Visitor) -> None:
        """Forgets a visitor, whose socket stays open."""
        self._forget(visitor.socket)
        self._all.pop(visitor, None)
        self._peers[visitor.peer] -= 1
        if not self._peers[visitor.peer]:
            del self._peers[visitor.peer]
        if not self._all:
            self._due = math.inf  # or the loop would wake once for nobody

    # --- the selector ------------------------------------------------------------------------------------------------

    def _set_due(self, visitor: Visitor, due: float) -> None:
        visitor.due = due
        self._due = min(self._due, due)

    def _watch(self, visitor: Visitor, events: int) -> None:
        key = self._selector.get_map().get(visitor.socket)
        if key is None:
            self._selector.register(visitor.socket, events, visitor)
        elif key.events != events:
            self._selector.modify(visitor.socket, events, visitor)

    def _forget(self, end: socket.socket) -> None:
        if end in self._selector.get_map():
            self._selector.unregister(end)


def _is_local(peer: str) -> bool:
    """Returns whether a peer's address stands for all programs of this machine."""
    return not peer or is_loopback(peer.removeprefix("::ffff:"))
