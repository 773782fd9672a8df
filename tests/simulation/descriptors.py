"""Open file descriptions: pipes, processes, sockets, files of /proc, and real files in the world's private folder."""

from __future__ import annotations

import errno
import os
import select
import socket as real_socket
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .machine import Machine
    from .processes import Process

PIPE_SIZE = 65536


def fail(number: int) -> OSError:
    return OSError(number, os.strerror(number))


class Description:
    """An open file description; descriptors of several processes may lead to it.

    Attributes:
        signal, group: what is sent to whom at a change (F_SETSIG, F_SETOWN, O_ASYNC).
    """

    kind = "file"

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.references = 0
        self.blocking = True
        self.signal = self.group = 0
        self.asynchronous = False

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def read(self, size: int) -> bytes:
        raise fail(errno.EBADF)

    def write(self, data: bytes) -> int:
        raise fail(errno.EBADF)

    def sources(self) -> Collection[object]:
        """All of whose changes those learn who wait for it."""
        return (self,)

    def changed(self) -> None:
        """Tells those who wait for it, and who has asked for a signal."""
        self.machine.scheduler.wake(self)
        if self.asynchronous and self.signal and self.group:
            self.machine.signal_group(self.group, self.signal)

    def release(self) -> None:
        """Closes one descriptor of it."""
        self.references -= 1
        if not self.references:
            self.dropped()

    def dropped(self) -> None:
        """Called when the last descriptor of it was closed."""


class File(Description):
    def __init__(self, machine: Machine, real: int, path: str) -> None:
        super().__init__(machine)
        self.real, self.path = real, path

    def readable(self) -> bool:
        return bool(select.select([self.real], [], [], 0)[0])  # a named pipe without bytes is not

    def read(self, size: int) -> bytes:
        return os.read(self.real, size)

    def write(self, data: bytes) -> int:
        return os.write(self.real, data)

    def dropped(self) -> None:
        self.machine.unlock(self)
        os.close(self.real)


class Text(Description):
    """A file of /proc, as it was when it was opened."""

    def __init__(self, machine: Machine, content: bytes) -> None:
        super().__init__(machine)
        self._content = content

    def read(self, size: int) -> bytes:
        piece, self._content = self._content[:size], self._content[size:]
        return piece


class Pipe:
    """The bytes between two ends."""

    def __init__(self, machine: Machine) -> None:
        self.bytes = bytearray()
        self.reader: PipeReader | None = PipeReader(machine, self)
        self.writer: PipeWriter | None = PipeWriter(machine, self)


class PipeReader(Description):
    kind = "pipe"

    def __init__(self, machine: Machine, pipe: Pipe) -> None:
        super().__init__(machine)
        self._pipe = pipe

    def readable(self) -> bool:
        return bool(self._pipe.bytes) or self._pipe.writer is None

    def read(self, size: int) -> bytes:
        if not self.readable():
            if not self.blocking:
                raise fail(errno.EAGAIN)
            self.machine.scheduler.wait(self.readable, None, (self,))
        piece = bytes(self._pipe.bytes[:size])
        del self._pipe.bytes[:size]
        if self._pipe.writer:
            self.machine.scheduler.wake(self._pipe.writer)
        return piece

    def dropped(self) -> None:
        self._pipe.reader = None
        if self._pipe.writer:
            self._pipe.writer.changed()


class PipeWriter(Description):
    kind = "pipe"

    def __init__(self, machine: Machine, pipe: Pipe) -> None:
        super().__init__(machine)
        self._pipe = pipe

    def readable(self) -> bool:
        return self._pipe.reader is None

    def writable(self) -> bool:
        return self._pipe.reader is None or len(self._pipe.bytes) < PIPE_SIZE

    def write(self, data: bytes) -> int:
        if not self.writable():
            if not self.blocking:
                raise fail(errno.EAGAIN)
            self.machine.scheduler.wait(self.writable, None, (self,))
        if self._pipe.reader is None:
            raise fail(errno.EPIPE)
        size = min(len(data), PIPE_SIZE - len(self._pipe.bytes))
        self._pipe.bytes += data[:size]
        self._pipe.reader.changed()
        return size

    def dropped(self) -> None:
        self._pipe.writer = None
        if self._pipe.reader:
            self._pipe.reader.changed()


class ProcessEnd(Description):
    """A pidfd: readable once the process has ended."""

    kind = "pidfd"

    def __init__(self, machine: Machine, process: Process) -> None:
        super().__init__(machine)
        self._process = process
        process.watchers.append(self)

    def readable(self) -> bool:
        return self._process.status is not None

    def send(self, number: int) -> None:
        if self._process.reaped:
            raise fail(errno.ESRCH)
        self._process.signal(number)

    def dropped(self) -> None:
        self._process.watchers.remove(self)


class Endpoint(Description):
    """A Unix socket, a real one: nothing in it waits, and so the kernel beneath is as deterministic as we are."""

    kind = "socket"

    def __init__(self, machine: Machine, real: real_socket.socket) -> None:
        super().__init__(machine)
        self.real = real
        self.peer: Endpoint | None = None  # of a pair, whose other end is told of each change
        self.passed: list[Description] = []  # to this end of a pair, and not yet received
        real.setblocking(False)
        machine.endpoints[self] = None

    def readable(self) -> bool:
        poll = select.poll()
        poll.register(self.real, select.POLLIN)
        return bool(poll.poll(0))

    def wait(self) -> None:
        """Waits until it is readable, unless it must not block."""
        if self.blocking and not self.readable():
            self.machine.scheduler.wait(self.readable, None, (self,))

    def read(self, size: int) -> bytes:
        self.wait()
        return self.real.recv(size)

    def write(self, data: bytes) -> int:
        size = self.real.send(data, real_socket.MSG_NOSIGNAL)
        self._tell_peer()
        return size

    def dropped(self) -> None:
        del self.machine.endpoints[self]
        self.real.close()
        while self.passed:
            self.passed.pop().release()
        self._tell_peer()

    def pass_on(self, description: Description) -> None:
        """Passes an open file to the other end (SCM_RIGHTS)."""
        assert self.peer is not None
        description.references += 1
        self.peer.passed.append(description)

    def _tell_peer(self) -> None:
        if self.peer is not None:
            self.machine.scheduler.wake(self.peer)


class Epoll(Description):
    """An epoll, level-triggered; readable while anything that it watches is ready."""

    kind = "epoll"

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.watched: dict[int, tuple[Description, int]] = {}

    def readable(self) -> bool:
        return bool(self.ready())

    def ready(self) -> list[tuple[int, int]]:
        """The descriptors that are ready, and what for; those come in the order in which they were registered."""
        ready = []
        for number, (description, events) in list(self.watched.items()):
            if not description.references:  # closed, and so no longer watched
                del self.watched[number]
                continue
            happened = select.EPOLLIN if events & select.EPOLLIN and description.readable() else 0
            happened |= select.EPOLLOUT if events & select.EPOLLOUT and description.writable() else 0
            if happened:
                ready.append((number, happened))
        return ready

    def sources(self) -> Collection[object]:
        return (self, *(source for description, _ in self.watched.values() for source in description.sources()))
