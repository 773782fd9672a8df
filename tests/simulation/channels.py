"""The door's sockets: TCP between the programs of one machine."""

from __future__ import annotations

import errno
import select
import signal
import socket as real_socket
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from .descriptors import Endpoint, fail

if TYPE_CHECKING:
    from .machine import Machine

LOOPBACK = "127.0.0.1"
_EPHEMERAL = 40_000
Address = tuple[str, int]


class Stream(Endpoint):
    """A connected or listening socket that programs know by its address: TCP, or Unix where it has a path.

    Beneath is a Unix socket. A reset is what TCP has and that has not: what was sent to somebody who closed without
    having read all discards what its peer has not read yet, as it may between two machines.
    """

    def __init__(self, machine: Machine, real: real_socket.socket, family: int) -> None:
        super().__init__(machine, real)
        self.family = family
        self.name: Address | str = (LOOPBACK, 0) if family == real_socket.AF_INET else ""
        self.peer_name: Address | str = ""
        self.listens = False
        self._waiting: deque[Stream] = deque()  # the other ends of connections that nobody has accepted
        self._reset = False
        self._closed = False

    # --- listening ---------------------------------------------------------------------------------------------------

    def bind(self, where: Address | str) -> None:
        ports = self.machine.ports
        if isinstance(where, str):
            self.real.bind(where)
            for folder, process in self.machine.watched or ():
                if folder == str(Path(where).parent):
                    process.signal(signal.SIGIO)
        else:
            number = where[1] or next(n for n in range(_EPHEMERAL, 1 << 16) if n not in ports)
            if number in ports:
                raise fail(errno.EADDRINUSE)
            where = (where[0], number)
            ports[number] = self
            path = Path(self.machine.net) / f"{number}-{self.machine.random.getrandbits(32):x}"
            self.real.bind(str(path))
        self.name = where

    def listen(self, backlog: int) -> None:
        self.real.listen(backlog)
        self.listens = True

    def accept(self) -> Endpoint:
        self.wait()
        accepted = Stream(self.machine, self.real.accept()[0], self.family)
        accepted.name = self.name
        if self._waiting:
            other = self._waiting.popleft()
            accepted.peer_name = other.name
            if not other._closed:
                accepted.peer, other.peer = other, accepted
        return accepted

    # --- connecting --------------------------------------------------------------------------------------------------

    def connect(self, where: Address | str) -> None:
        """Waits, as TCP does, for a place in the backlog."""
        machine = self.machine
        while True:
            listener = machine.ports.get(where[1]) if not isinstance(where, str) else _at_path(machine, where)
            if listener is None and not isinstance(where, str):
                raise fail(errno.ECONNREFUSED)
            try:
                self.real.connect(where if isinstance(where, str) else str(listener.real.getsockname()))  # type: ignore[union-attr]
                break
            except BlockingIOError:
                if not self.blocking:
                    raise
                machine.scheduler.wait(lambda: False, 0.2, (self,))
        self.peer_name = where
        if self.family == real_socket.AF_INET:
            self.name = (LOOPBACK, _EPHEMERAL + machine.random.randrange(20_000))
        if listener is not None:
            listener._waiting.append(self)
            machine.scheduler.wake(listener)

    # --- bytes -------------------------------------------------------------------------------------------------------

    def read(self, size: int) -> bytes:
        self.wait()
        if self.family == real_socket.AF_INET and self.real.getsockopt(real_socket.SOL_SOCKET, real_socket.SO_ERROR):
            self._reset = True
        if self._reset:
            raise fail(errno.ECONNRESET)
        data = self.real.recv(size)
        self._tell_peer()
        return data

    def write(self, data: bytes) -> int:
        if self.blocking and not self.writable():
            self.machine.scheduler.wait(self.writable, None, (self,))
        if self._reset:
            raise fail(errno.EPIPE)
        return super().write(data)

    def writable(self) -> bool:
        poll = select.poll()
        poll.register(self.real, select.POLLOUT)
        return bool(poll.poll(0))

    def shut(self, how: int) -> None:
        self.real.shutdown(how)
        self._tell_peer()

    def dropped(self) -> None:
        self._closed = True
        if self.listens and not isinstance(self.name, str):
            self.machine.ports.pop(self.name[1], None)
        for other in self._waiting:
            self.machine.scheduler.wake(other)
        super().dropped()


def _at_path(machine: Machine, path: str) -> Stream | None:
    """The one that listens at a path, which others than the simulation's sockets may do too."""
    listening = (end for end in machine.endpoints if isinstance(end, Stream) and end.listens and end.name == path)
    return next(listening, None)
