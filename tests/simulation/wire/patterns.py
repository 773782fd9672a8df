"""Types of sockets, by what they do with their pipes: ROUTER, DEALER and PAIR."""

from __future__ import annotations

import errno
from collections.abc import Callable

from .pipe import Message, Pipe
from .queues import FairQueue, RoundRobin


class Unsendable(Exception):
    """A message cannot be sent now, or ever."""

    def __init__(self, number: int) -> None:
        self.errno = number


class Pattern:
    """The behaviour of a type; all of it in the thread that owns the socket.

    `introduced`: whether peers begin with their routing id.
    """

    introduced = False

    def attach(self, pipe: Pipe) -> None:
        raise NotImplementedError

    def read_activated(self, pipe: Pipe) -> None:
        raise NotImplementedError

    def write_activated(self, pipe: Pipe) -> None:
        raise NotImplementedError

    def terminated(self, pipe: Pipe) -> None:
        raise NotImplementedError

    def read(self) -> Message | None:
        """Takes a message as the program sees it."""
        raise NotImplementedError

    def finish(self) -> None:
        """Ends the reading of a message, whose last frame the program has taken."""

    def has_message(self) -> bool:
        raise NotImplementedError

    def has_room(self) -> bool:
        raise NotImplementedError

    def begin(self, first: bytes, more: bool) -> object:
        """Finds where a message goes that begins with `first`. Raises Unsendable."""
        raise NotImplementedError

    def send(self, target: object, frames: list[bytes]) -> None:
        """Sends a whole message. Raises Unsendable."""
        raise NotImplementedError


class Dealer(Pattern):
    """Reads fairly, writes round robin."""

    def __init__(self) -> None:
        self._fair = FairQueue()
        self._turns = RoundRobin()

    def attach(self, pipe: Pipe) -> None:
        self._fair.attach(pipe)
        self._turns.attach(pipe)

    def read_activated(self, pipe: Pipe) -> None:
        self._fair.activated(pipe)

    def write_activated(self, pipe: Pipe) -> None:
        self._turns.activated(pipe)

    def terminated(self, pipe: Pipe) -> None:
        self._fair.terminated(pipe)
        self._turns.terminated(pipe)

    def read(self) -> Message | None:
        while taken := self._fair.read():
            if not taken[0].introduces:
                return taken[0]
        return None

    def finish(self) -> None:
        self._fair.finish()

    def has_message(self) -> bool:
        return self._fair.has_message()

    def has_room(self) -> bool:
        return self._turns.has_room()

    def begin(self, first: bytes, more: bool) -> object:
        if not self._turns.has_room():
            raise Unsendable(errno.EAGAIN)
        return None

    def send(self, target: object, frames: list[bytes]) -> None:
        if not self._turns.write(Message(frames)):
            raise Unsendable(errno.EAGAIN)


class Router(Pattern):
    """Names its peers.

    Args:
        first: the number of the first connection.
        mandatory: tells whether a message to nobody is an error.
        abort: ends the process, where libzmq does.
    """

    introduced = True

    def __init__(self, first: int, mandatory: Callable[[], bool], abort: Callable[[str], None]) -> None:
        self._fair = FairQueue()
        self._pipes: dict[bytes, Pipe] = {}
        self._anonymous: list[Pipe] = []
        self._next = first
        self._mandatory = mandatory
        self._abort = abort
        self._ahead: Message | None = None

    def attach(self, pipe: Pipe) -> None:
        if not self._identify(pipe):
            self._anonymous.append(pipe)

    def _identify(self, pipe: Pipe) -> bool:
        introduction = pipe.read()
        if introduction is None:
            return False
        route = introduction.frames[0]
        if not route:
            route = b"\0" + self._next.to_bytes(4)
            self._next = (self._next + 1) % 2**32
            if route in self._pipes:
                self._abort("Assertion failed: ok (router.cpp)")
        elif route in self._pipes:
            if len(introduction.frames) > 1:  # the first frame of a message, taken for a routing id
                introduction.frames.pop(0)
                pipe.inbox.appendleft(introduction)
            return False
        pipe.route = route
        self._pipes[route] = pipe
        self._fair.attach(pipe)
        return True

    def read_activated(self, pipe: Pipe) -> None:
        if pipe not in self._anonymous:
            self._fair.activated(pipe)
        elif self._identify(pipe):
            self._anonymous.remove(pipe)

    def write_activated(self, pipe: Pipe) -> None:
        """Does nothing: each message looks at its own pipe."""

    def terminated(self, pipe: Pipe) -> None:
        if pipe in self._anonymous:
            self._anonymous.remove(pipe)
        else:
            del self._pipes[pipe.route]
            self._fair.terminated(pipe)

    def _take(self) -> Message | None:
        while taken := self._fair.read():
            message, pipe = taken
            if not message.introduces:
                return Message([pipe.route, *message.frames], message.descriptor)
        return None

    def read(self) -> Message | None:
        message, self._ahead = self._ahead, None
        return message or self._take()

    def finish(self) -> None:
        self._fair.finish()

    def has_message(self) -> bool:
        if self._ahead is None:
            self._ahead = self._take()
        return self._ahead is not None

    def has_room(self) -> bool:
        return not self._mandatory() or any(pipe.has_room() for pipe in self._pipes.values())

    def begin(self, first: bytes, more: bool) -> object:
        pipe = self._pipes.get(first) if more else None
        if pipe and pipe.check_write():
            return pipe
        if self._mandatory() and more:
            full = pipe is not None and not pipe.has_room()
            raise Unsendable(errno.EAGAIN if full else errno.EHOSTUNREACH)
        return None

    def send(self, target: object, frames: list[bytes]) -> None:
        if isinstance(target, Pipe) and target.write(Message(frames[1:])):
            target.flush()


class Pair(Pattern):
    """Has one peer."""

    def __init__(self) -> None:
        self._pipe: Pipe | None = None

    def attach(self, pipe: Pipe) -> None:
        if self._pipe is None:
            self._pipe = pipe
        else:
            pipe.terminate(False)

    def read_activated(self, pipe: Pipe) -> None:
        """Does nothing: there is one pipe."""

    def write_activated(self, pipe: Pipe) -> None:
        """Does nothing: there is one pipe."""

    def terminated(self, pipe: Pipe) -> None:
        if pipe is self._pipe:
            self._pipe = None

    def read(self) -> Message | None:
        return self._pipe.read() if self._pipe else None

    def has_message(self) -> bool:
        return self._pipe is not None and self._pipe.check_read()

    def has_room(self) -> bool:
        return self._pipe is not None and self._pipe.check_write()

    def begin(self, first: bytes, more: bool) -> object:
        if not self.has_room():
            raise Unsendable(errno.EAGAIN)
        return None

    def send(self, target: object, frames: list[bytes]) -> None:
        if not (self._pipe and self._pipe.write(Message(frames))):
            raise Unsendable(errno.EAGAIN)
        self._pipe.flush()
