"""The connections that have asked nothing yet, or only polled: a bounded number, each with a deadline.

One costs a buffer of 4 KB at most; nothing here grows with what strangers send.
"""

from __future__ import annotations

import math
import selectors
import socket
from collections import Counter, deque
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from hushd_protocol.hosts import is_loopback
from hushd_protocol.light_dataclass import dataclass, field
from hushd_protocol.system.handover import Handover

from hushd_supervisor.core.serving.door import PREFIX, Answer, HandOver, Http, More, Refuse

from .lingering_close import LingeringClose
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
class Connection:
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


class Connections:
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
        lingering: LingeringClose,
        others: Callable[[], int],
        most: int = MOST,
    ) -> None:
        self._selector = selector
        self._answers = answers
        self._hand_over = hand_over
        self._lingering = lingering
        self._others = others
        self._most = most
        self._all: dict[Connection, None] = {}  # the oldest first
        self._peers: Counter[str] = Counter()
        self._unfinished: deque[Connection] = deque()  # have bytes that were read and not looked at
        self._due = math.inf  # not after that of the first connection
        self.polls = self.refusals = 0

    def __len__(self) -> int:
        return len(self._all)

    def add(self, end: socket.socket, peer: str, listener: Listener, now: float) -> None:
        """Takes a new connection, or refuses it."""
        connection = Connection(end, listener, peer, now + FIRST_S)
        if not listener.allows(peer):
            self.refusals += 1
            end.close()
        elif status := self._full_for(peer, now):
            self._refuse(connection, status, now)
        else:
            self._all[connection] = None
            self._peers[peer] += 1
            self._set_due(connection, connection.due)
            self._watch(connection, selectors.EVENT_READ)
            self._read(connection, now)  # mostly the request has come with the connection

    def serve(self, connection: Connection, mask: int, now: float) -> None:
        """Reads from one that is readable, or goes on with its answer."""
        if connection not in self._all:
            return  # it made room for another in this very turn
        if mask & selectors.EVENT_WRITE:
            if self._flush(connection, now) and connection.data:
                self._unfinished.append(connection)
        elif mask & selectors.EVENT_READ:
            self._read(connection, now)

    def deadline(self) -> float:
        """The time at which `on_time` is due."""
        return -math.inf if self._unfinished else self._due

    def on_time(self, now: float, limit: int) -> None:
        """Drops those whose time is up, and looks at what `limit` of them had sent behind a poll."""
        for _ in range(min(limit, len(self._unfinished))):
            self._decide(self._unfinished.popleft(), now)
        if self._due <= now:
            for connection in [connection for connection in self._all if connection.due <= now]:
                self._drop(connection)
            self._due = min((connection.due for connection in self._all), default=math.inf)

    @property
    def awaits(self) -> bool:
        """True if the deadline of any is that of a program in the middle of something."""
        return any(not connection.rests for connection in self._all)

    def excuse(self, seconds: float) -> None:
        """Gives all so much more time, since this process stood still."""
        for connection in self._all:
            connection.due += seconds
        self._due += seconds

    def described(self, now: float) -> None:
        """Answers those who have waited for the engines to be listed."""
        for connection in [connection for connection in self._all if connection.asked]:
            connection.asked = None
            self._decide(connection, now)

    def stop(self) -> None:
        """Drops those that have no answer under way."""
        for connection in list(self._all):
            if not connection.out:
                self._drop(connection)

    def close(self) -> None:
        """Drops all."""
        for connection in list(self._all):
            self._drop(connection)

    # --- room --------------------------------------------------------------------------------------------------------

    def _full_for(self, peer: str, now: float) -> int:
        """The status with which a connection of `peer` is refused, 0 for none; makes room where it can."""
        if self._peers[peer] >= MOST_OF_ONE and not (self._evict(peer) or self._displace(now, peer)):
            return 429
        if len(self._all) + self._others() >= self._most and not (self._evict() or self._displace(now)):
            return 503
        return 0

    def _evict(self, peer: str | None = None) -> bool:
        resting = [c for c in self._all if c.rests and peer in (None, c.peer)]
        if resting:
            self._drop(min(resting, key=lambda connection: connection.due))
        return bool(resting)

    def _displace(self, now: float, peer: str | None = None) -> bool:
        """Refuses the oldest connection of the program of this machine that has the most of them."""
        local = [c for c in self._all if _is_local(c.peer) and peer in (None, c.peer) and not c.out and not c.asked]
        if not local:
            return False
        unknown = [connection for connection in local if not connection.program]
        for connection, program in zip(unknown, self._programs.find([c.socket for c in unknown]), strict=True):
            connection.program = program
        ((program, _),) = Counter(connection.program for connection in local).most_common(1)
        oldest = min((c for c in local if c.program == program), key=lambda connection: connection.due)
        self._leave(oldest)
        self._refuse(oldest, 429, now)
        return True

    @cached_property
    def _programs(self) -> Programs:
        from hushd_protocol.system.programs import Programs  # that a supervisor without a crowd has no use for

        return Programs()

    # --- one connection ----------------------------------------------------------------------------------------------

    def _read(self, connection: Connection, now: float) -> None:
        if len(connection.data) >= PREFIX:
            return  # among the unfinished
        try:
            data = connection.socket.recv(PREFIX - len(connection.data))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        if connection.rests:
            connection.rests = False
            self._set_due(connection, now + FIRST_S)
        connection.data += data
        self._decide(connection, now)

    def _decide(self, connection: Connection, now: float) -> None:
        """Acts on the bytes read: one request, so that none who sends many holds up the others."""
        if connection not in self._all or connection.out or connection.asked:
            return
        match decision := connection.listener.rules.decide(connection.data):
            case Answer():
                if self._answer(connection, decision, now) and connection.data:
                    self._unfinished.append(connection)
            case HandOver():
                self._pass_on(connection, now)
            case Refuse(status):
                self._leave(connection)
                self._refuse(connection, status, now)
            case More():
                pass

    def _answer(self, connection: Connection, asked: Answer, now: float) -> bool:
        """Answers a poll; returns whether the connection can go on at once."""
        reply = self._answers.find(asked.what, connection.listener.address, now)
        if reply is None:
            connection.asked = asked
            self._forget(connection.socket)
            self._set_due(connection, now + DESCRIBE_S)
            return False
        self.polls += 1
        connection.data = connection.data[asked.used :]
        connection.closing = asked.close
        connection.out = memoryview(reply.data)[: reply.head if asked.head_only else None]
        return self._flush(connection, now)

    def _flush(self, connection: Connection, now: float) -> bool:
        """Sends what the socket takes; returns whether all was sent and the connection goes on."""
        try:
            sent = connection.socket.send(connection.out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(connection)
            return False
        connection.out = connection.out[sent:]
        if connection.out:
            self._set_due(connection, now + FIRST_S)
            self._watch(connection, selectors.EVENT_WRITE)
            return False
        if connection.closing:
            self._drop(connection)
            return False
        self._watch(connection, selectors.EVENT_READ)
        connection.rests = not connection.data
        self._set_due(connection, now + (REST_S[connection.listener.address.kind] if connection.rests else FIRST_S))
        return True

    def _pass_on(self, connection: Connection, now: float) -> None:
        address = connection.listener.address
        form = Handover(address.kind, address.text, connection.peer, connection.data)
        end = connection.socket
        self._leave(connection)
        self._hand_over(end, form, now)

    def _refuse(self, connection: Connection, status: int, now: float) -> None:
        """Ends a connection that is not among the others."""
        self.refusals += 1
        if isinstance(connection.listener.rules, Http):
            self._lingering.add(connection.socket, refusal(status), now)
        else:
            connection.socket.close()

    def _drop(self, connection: Connection) -> None:
        self._leave(connection)
        connection.socket.close()

    def _leave(self, connection: Connection) -> None:
        """Forgets a connection, whose socket stays open."""
        self._forget(connection.socket)
        self._all.pop(connection, None)
        self._peers[connection.peer] -= 1
        if not self._peers[connection.peer]:
            del self._peers[connection.peer]
        if not self._all:
            self._due = math.inf  # or the loop would wake once for nobody

    # --- the selector ------------------------------------------------------------------------------------------------

    def _set_due(self, connection: Connection, due: float) -> None:
        connection.due = due
        self._due = min(self._due, due)

    def _watch(self, connection: Connection, events: int) -> None:
        key = self._selector.get_map().get(connection.socket)
        if key is None:
            self._selector.register(connection.socket, events, connection)
        elif key.events != events:
            self._selector.modify(connection.socket, events, connection)

    def _forget(self, end: socket.socket) -> None:
        if end in self._selector.get_map():
            self._selector.unregister(end)


def _is_local(peer: str) -> bool:
    """Returns whether a peer's address stands for all programs of this machine."""
    return not peer or is_loopback(peer.removeprefix("::ffff:"))
