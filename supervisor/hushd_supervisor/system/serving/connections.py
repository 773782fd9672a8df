"""The connections that have sent no request yet, or only polls: a bounded number, each with a deadline.

A connection costs a buffer of 4 KB at most, however much its program sends.
"""

from __future__ import annotations

import math
import selectors
import socket
from collections import Counter, deque
from collections.abc import Callable

from hushd_protocol.hosts import is_loopback
from hushd_protocol.light_dataclass import dataclass, field
from hushd_protocol.system.handover import Handover

from hushd_supervisor.core.serving.door import PREFIX, Answer, HandOver, Http, More, Refuse

from .lingering_close import LingeringClose
from .listeners import Listener
from .prepared import Answers, refusal

MAX_CONNECTIONS = 256
MAX_PER_PEER = 128  # of one address; beyond, this machine's oldest makes room
FIRST_S = 10.0  # for the first request after the connection, and for reading an answer
IDLE_S = {"http": 75.0, "wyoming": 600.0}  # between two polls
DESCRIBE_S = 15.0  # for listing the engines


@dataclass(slots=True, eq=False)
class Connection:
    """A connection that has sent no request yet, or only polls.

    Attributes:
        due: when it is dropped.
        data: the bytes read and not yet answered.
        unsent: the part of an answer that its socket has not taken yet.
        pending_poll: the poll that waits for the list of engines.
    """

    socket: socket.socket
    listener: Listener
    peer: str
    due: float
    data: bytes = b""
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    pending_poll: Answer | None = None
    closing: bool = False  # whether to close it after `unsent`
    idle: bool = False  # it was answered, and has sent nothing since


class Connections:
    """All connections of the door that the gateway does not have.

    Args:
        hand_over: takes a connection that needs the gateway, and the time.
        lingering: takes refused connections.
        waiting: returns the number of connections that wait for the gateway, which count here too.
        max_connections: the maximum of connections.

    Attributes:
        polls, refusals: their number since the start.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        answers: Answers,
        hand_over: Callable[[socket.socket, Handover, float], None],
        lingering: LingeringClose,
        waiting: Callable[[], int],
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self._selector = selector
        self._answers = answers
        self._hand_over = hand_over
        self._lingering = lingering
        self._waiting = waiting
        self._max_connections = max_connections
        self._all: dict[Connection, None] = {}  # the oldest first
        self._peers: Counter[str] = Counter()
        self._unfinished: deque[Connection] = deque()  # connections with bytes read behind a poll
        self._due = math.inf  # the earliest of the connections' deadlines, or earlier
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
            self._read(connection, now)  # usually the request is already there

    def serve(self, connection: Connection, mask: int, now: float) -> None:
        """Reads from a readable connection, or sends more of its answer."""
        if connection not in self._all:
            return  # it made room for another one in this turn
        if mask & selectors.EVENT_WRITE:
            if self._flush(connection, now) and connection.data:
                self._unfinished.append(connection)
        elif mask & selectors.EVENT_READ:
            self._read(connection, now)

    def deadline(self) -> float:
        """The time at which `on_time` is due."""
        return -math.inf if self._unfinished else self._due

    def on_time(self, now: float, limit: int) -> None:
        """Drops connections past their deadline, and handles up to `limit` requests sent behind a poll."""
        for _ in range(min(limit, len(self._unfinished))):
            self._decide(self._unfinished.popleft(), now)
        if self._due <= now:
            for connection in [connection for connection in self._all if connection.due <= now]:
                self._drop(connection)
            self._due = min((connection.due for connection in self._all), default=math.inf)

    @property
    def awaits(self) -> bool:
        """True if any connection is not idle."""
        return any(not connection.idle for connection in self._all)

    def excuse(self, seconds: float) -> None:
        """Extends all deadlines by `seconds`, in which this process stood still."""
        for connection in self._all:
            connection.due += seconds
        self._due += seconds

    def described(self, now: float) -> None:
        """Answers the polls that have waited for the list of engines."""
        for connection in [connection for connection in self._all if connection.pending_poll]:
            connection.pending_poll = None
            self._decide(connection, now)

    def stop(self) -> None:
        """Drops the connections without an unfinished answer."""
        for connection in list(self._all):
            if not connection.unsent:
                self._drop(connection)

    def close(self) -> None:
        """Drops all connections."""
        for connection in list(self._all):
            self._drop(connection)

    # --- room --------------------------------------------------------------------------------------------------------

    def _full_for(self, peer: str, now: float) -> int:
        """Returns the HTTP status that refuses a connection of `peer`, 0 if there is room; makes room if it can."""
        if self._peers[peer] >= MAX_PER_PEER and not (self._evict(peer) or self._displace(now, peer)):
            return 429
        if len(self._all) + self._waiting() >= self._max_connections and not (self._evict() or self._displace(now)):
            return 503
        return 0

    def _evict(self, peer: str | None = None) -> bool:
        """Drops the longest idle connection, of `peer` or of any; returns whether there was one."""
        idle = [c for c in self._all if c.idle and peer in (None, c.peer)]
        if idle:
            self._drop(min(idle, key=lambda connection: connection.due))
        return bool(idle)

    def _displace(self, now: float, peer: str | None = None) -> bool:
        """Refuses this machine's oldest connection that is owed no answer; returns whether there was one."""
        silent = [c for c in self._all if _is_local(c.peer) and peer in (None, c.peer)]
        silent = [connection for connection in silent if not (connection.unsent or connection.pending_poll)]
        if silent:
            oldest = min(silent, key=lambda connection: connection.due)
            self._leave(oldest)
            self._refuse(oldest, 429, now)
        return bool(silent)

    # --- one connection ----------------------------------------------------------------------------------------------

    def _read(self, connection: Connection, now: float) -> None:
        if len(connection.data) >= PREFIX:
            return  # it is in `_unfinished`
        try:
            data = connection.socket.recv(PREFIX - len(connection.data))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        if connection.idle:
            connection.idle = False
            self._set_due(connection, now + FIRST_S)
        connection.data += data
        self._decide(connection, now)

    def _decide(self, connection: Connection, now: float) -> None:
        """Handles one request of the bytes read, so that a program with many requests does not delay others."""
        if connection not in self._all or connection.unsent or connection.pending_poll:
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

    def _answer(self, connection: Connection, poll: Answer, now: float) -> bool:
        """Answers a poll; returns whether the connection can go on at once."""
        reply = self._answers.find(poll.what, connection.listener.address, now)
        if reply is None:
            connection.pending_poll = poll
            self._forget(connection.socket)
            self._set_due(connection, now + DESCRIBE_S)
            return False
        self.polls += 1
        connection.data = connection.data[poll.used :]
        connection.closing = poll.close
        connection.unsent = memoryview(reply.data)[: reply.head if poll.head_only else None]
        return self._flush(connection, now)

    def _flush(self, connection: Connection, now: float) -> bool:
        """Sends as much as the socket takes; returns whether everything is sent and the connection goes on."""
        try:
            sent = connection.socket.send(connection.unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(connection)
            return False
        connection.unsent = connection.unsent[sent:]
        if connection.unsent:
            self._set_due(connection, now + FIRST_S)
            self._watch(connection, selectors.EVENT_WRITE)
            return False
        if connection.closing:
            self._drop(connection)
            return False
        self._watch(connection, selectors.EVENT_READ)
        connection.idle = not connection.data
        self._set_due(connection, now + (IDLE_S[connection.listener.address.kind] if connection.idle else FIRST_S))
        return True

    def _pass_on(self, connection: Connection, now: float) -> None:
        address = connection.listener.address
        form = Handover(address.kind, address.text, connection.peer, connection.data)
        end = connection.socket
        self._leave(connection)
        self._hand_over(end, form, now)

    def _refuse(self, connection: Connection, status: int, now: float) -> None:
        """Refuses a connection that is not, or no longer, in `_all`."""
        self.refusals += 1
        if isinstance(connection.listener.rules, Http):
            self._lingering.add(connection.socket, refusal(status), now)
        else:
            connection.socket.close()

    def _drop(self, connection: Connection) -> None:
        self._leave(connection)
        connection.socket.close()

    def _leave(self, connection: Connection) -> None:
        """Forgets a connection; its socket stays open."""
        self._forget(connection.socket)
        self._all.pop(connection, None)
        self._peers[connection.peer] -= 1
        if not self._peers[connection.peer]:
            del self._peers[connection.peer]
        if not self._all:
            self._due = math.inf  # or the loop would wake once for nothing

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
    """Returns whether a peer is on this machine, so that many programs may share its address."""
    return not peer or is_loopback(peer.removeprefix("::ffff:"))
