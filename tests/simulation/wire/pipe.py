"""Pipes between a socket and a session, or two sockets: bounded queues with credit, and an end on which both agree.

Each end belongs to a thread, and says what it has done only by a command in the other thread's mailbox: until that is
read, the other acts on what it knows. Most of what surprises users of libzmq comes from that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol


class Message:
    """A whole message.

    Args:
        descriptor: of the connection that it came by; -1 for none.
        introduces: whether it is the routing id that a peer begins with.
    """

    __slots__ = ("descriptor", "frames", "introduces")

    def __init__(self, frames: list[bytes], descriptor: int = -1, introduces: bool = False) -> None:
        self.frames = frames
        self.descriptor = descriptor
        self.introduces = introduces


class State(Enum):
    """Of one end: see `Pipe`."""

    ACTIVE = auto()
    DRAINING = auto()  # the other end has left; its messages are still read
    DELIMITED = auto()  # the last message was read, and the command that says so not yet
    LEAVING = auto()  # we have asked the other end to leave
    BOTH = auto()  # and so has it us
    OVER = auto()


class Mailbox(Protocol):
    """A thread, to the others."""

    def post(self, command: Callable[[], None]) -> None: ...


class Sink(Protocol):
    """The owner of an end."""

    def read_activated(self, pipe: Pipe) -> None: ...
    def write_activated(self, pipe: Pipe) -> None: ...
    def terminated(self, pipe: Pipe) -> None: ...


class Pipe:
    """One end of a pipe.

    Args:
        thread: whose commands move this end.
        high: the most messages that may wait in the outward queue; 0 for no limit.
        high_in: the same of the other direction: after each half of it the writer hears of it.
    """

    def __init__(self, thread: Mailbox, high: int, high_in: int) -> None:
        self.thread = thread
        self.sink: Sink
        self.peer: Pipe
        self.route = b""
        self.inbox: deque[Message | None] = deque()  # None: the end
        self._unflushed: list[Message] = []
        self.state = State.ACTIVE
        self.patient = True  # whether all messages are read when the other end leaves
        self.in_active = True
        self.out_active = True
        self._asleep = False  # the reader has seen an empty inbox, and must be told
        self._high = high
        self._low = (high_in + 1) // 2
        self._read = 0
        self._written = 0
        self._read_by_peer = 0

    # --- reading -----------------------------------------------------------------------------------------------------

    def check_read(self) -> bool:
        """Returns whether there is a message; notices the end."""
        if not self.in_active or self.state not in (State.ACTIVE, State.DRAINING):
            return False
        if not self.inbox:
            self.in_active = False
            self._asleep = True
            return False
        if self.inbox[0] is None:
            self.inbox.popleft()
            self._delimit()
            return False
        return True

    def read(self) -> Message | None:
        """Takes a message."""
        if not self.check_read():
            return None
        message = self.inbox.popleft()
        assert message
        self.count(message)
        return message

    def take(self) -> Message | None:
        """Takes a message without the credit, which `count` gives once all of it is used."""
        return self.inbox.popleft() if self.check_read() else None

    def count(self, message: Message) -> None:
        """Gives the credit for a message to the writer, from time to time."""
        if not message.introduces:
            self._read += 1
            if self._low > 0 and self._read % self._low == 0:
                self.peer.thread.post(lambda read=self._read: self.peer._credit(read))  # type: ignore[misc]

    # --- writing -----------------------------------------------------------------------------------------------------

    def has_room(self) -> bool:
        """Returns whether the outward queue is below its limit, as far as is known here."""
        return self._high <= 0 or self._written - self._read_by_peer < self._high

    def check_write(self) -> bool:
        """Returns whether a message may be written."""
        if not self.out_active or self.state is not State.ACTIVE:
            return False
        if not self.has_room():
            self.out_active = False
            return False
        return True

    def write(self, message: Message) -> bool:
        """Writes a message, which the other end sees after `flush`."""
        if not self.check_write():
            return False
        self._unflushed.append(message)
        if not message.introduces:
            self._written += 1
        return True

    def flush(self) -> None:
        """Lets the other end see the messages written."""
        if self._unflushed and self.state is not State.OVER:
            self.peer.inbox.extend(self._unflushed)
            self._unflushed.clear()
            self._wake()

    def _wake(self) -> None:
        if self.peer._asleep:
            self.peer._asleep = False
            self.peer.thread.post(self.peer._activate_read)

    # --- the end -----------------------------------------------------------------------------------------------------

    def terminate(self, patient: bool) -> None:
        """Asks the other end to leave; `patient`: once it has left of itself, what it has sent is read before."""
        self.patient = patient
        if self.state in (State.LEAVING, State.BOTH, State.OVER):
            return
        if self.state in (State.ACTIVE, State.DELIMITED):
            self.peer.thread.post(self.peer._asked_to_leave)
            self.state = State.LEAVING
        elif not patient:  # draining
            self._acknowledge()
        self.out_active = False
        if self.state is not State.OVER:
            self.peer.inbox.extend(self._unflushed)
            self._unflushed.clear()
            self.peer.inbox.append(None)
            self._wake()

    def _asked_to_leave(self) -> None:
        if self.state is State.ACTIVE:
            if self.patient:
                self.state = State.DRAINING
            else:
                self._acknowledge()
        elif self.state is State.DELIMITED:
            self._acknowledge()
        elif self.state is State.LEAVING:
            self.state = State.BOTH
            self.peer.thread.post(self.peer._left)

    def _delimit(self) -> None:
        if self.state is State.ACTIVE:
            self.state = State.DELIMITED
        else:
            self._acknowledge()

    def _acknowledge(self) -> None:
        self.state = State.OVER
        self._unflushed.clear()
        self.peer.thread.post(self.peer._left)

    def _left(self) -> None:
        """Lets go: the other end will not touch this one any more."""
        self.sink.terminated(self)
        if self.state is State.LEAVING:
            self.peer.thread.post(self.peer._left)
        self.state = State.OVER
        self.inbox.clear()

    # --- commands of the other end -----------------------------------------------------------------------------------

    def _activate_read(self) -> None:
        if not self.in_active and self.state in (State.ACTIVE, State.DRAINING):
            self.in_active = True
            self.sink.read_activated(self)

    def _credit(self, read: int) -> None:
        self._read_by_peer = read
        if not self.out_active and self.state is State.ACTIVE:
            self.out_active = True
            self.sink.write_activated(self)


def pair(first: Mailbox, second: Mailbox, there: int, back: int) -> tuple[Pipe, Pipe]:
    """Makes both ends; `there` and `back` are the limits of the queues from the first to the second, and back."""
    left, right = Pipe(first, there, back), Pipe(second, back, there)
    left.peer, right.peer = right, left
    return left, right
