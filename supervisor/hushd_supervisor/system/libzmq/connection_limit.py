"""A limit of a ROUTER's connections: libzmq aborts when `accept` finds no descriptor, so it must not come to that.

Connections are counted by libzmq's monitor. At the ceiling libzmq's listening socket is latched: those that arrive
meanwhile are accepted here and answered with an error. Where there are many descriptors libzmq may accept what it likes
below the ceiling. Where there are few it accepts one connection at a time, and the next once that is counted: it is
faster than the counting, and a burst would take the descriptors that are kept for our own work.
"""

from __future__ import annotations

import os
import resource
import socket
import struct
import sys
from collections.abc import Container, Iterator
from typing import Protocol

import zmq
from hushd_protocol.errors import HushdError
from hushd_protocol.framing import pack
from hushd_protocol.limits import MAX_CONNECTIONS
from hushd_protocol.messages import Error

from .latch import Latch, find

PLENTY = 2 * MAX_CONNECTIONS  # open files: more than a burst takes before it is counted
REFUSING = 8  # connections that are being refused at one time: each holds a descriptor of the reserve
_EVENTS = zmq.EVENT_ACCEPTED | zmq.EVENT_ACCEPT_FAILED | zmq.EVENT_DISCONNECTED
_READY = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 6) + b"ROUTER"
# ZMTP 3.0 as a ROUTER sends it: the greeting, and a command.
_HANDSHAKE = (
    b"\xff" + bytes(7) + b"\x01\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32) + bytes([4, len(_READY)]) + _READY
)


def ceiling(part: int) -> int:
    """The connections of one socket: a `part`-th of the limit of open files; the rest is for our own work."""
    return min(MAX_CONNECTIONS, open_files() // part)


def open_files() -> int:
    """The most files that this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


class ListeningSocket(Protocol):
    """A listening socket: its descriptor, and the same place as an endpoint of ZeroMQ.

    `explains`: whether a connection that is refused is told why; else it waits until there is room. `lasting`: whether
    it outlives this process.
    """

    name: str
    endpoint: str
    fd: int
    explains: bool
    lasting: bool

    def accept(self) -> socket.socket: ...
    def remove(self) -> None: ...


class ConnectionLimit:
    """Counts the connections of a ROUTER by its monitor, and refuses those above the ceiling.

    Args:
        router: not bound yet.
        ceiling: the most connections.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        router: zmq.Socket[bytes],
        listener: ListeningSocket,
        ceiling: int,
    ) -> None:
        name = f"inproc://{listener.name}"
        router.monitor(name, _EVENTS)
        self.monitor = context.socket(zmq.PAIR)
        self.monitor.set_hwm(0)  # a full one would stop libzmq's I/O thread
        self.monitor.connect(name)
        self._router = router
        self._listener = listener
        self.ceiling = ceiling
        self.accepted = 0  # connections so far
        self._connected: set[int] = set()
        self._listening = os.dup(listener.fd)
        self._one_by_one = open_files() < PLENTY
        self._latch: Latch | None = None
        self._latchable = True
        self._refused: dict[int, tuple[socket.socket, bytearray]] = {}
        self._poller: zmq.Poller | None = None
        self.closed = False
        router.setsockopt(zmq.USE_FD, self._listening)
        router.bind(listener.endpoint)

    def watch(self, poller: zmq.Poller) -> None:
        """Has `poller` report what this waits for."""
        self._poller = poller
        poller.register(self.monitor, zmq.POLLIN)
        self._adjust()

    @property
    def connections(self) -> int:
        """The connections that there are, as far as they were counted."""
        return len(self._connected)

    def has(self, descriptor: int) -> bool:
        """Returns whether a connection with this descriptor has not ended, as far as `changes` has told."""
        return descriptor in self._connected

    def changes(self) -> Iterator[tuple[bool, int]]:
        """Yields the descriptors accepted (True) or ended since the last call, in order; opens or closes the way."""
        seen = []
        while (event := self._event()) is not None:
            kind, descriptor = event
            if kind == zmq.EVENT_ACCEPTED:
                self.accepted += 1
                self._connected.add(descriptor)
                seen.append((True, descriptor))
            elif kind == zmq.EVENT_DISCONNECTED:
                self._connected.discard(descriptor)
                seen.append((False, descriptor))
        self._adjust()
        yield from seen

    def _adjust(self) -> None:
        """Lets libzmq accept while there are fewer connections than the ceiling; else they are refused."""
        full = len(self._connected) >= self.ceiling
        if self._latch is None and self._latchable and (full or self._one_by_one):
            self._latch = find(self._listening)
            self._latchable = not self._connected  # libzmq listens once it has accepted: another try would find no more
        if self._latch is None:
            return  # there is plenty, or this system lets nobody be refused
        if not full:
            self._latch.arm()
        elif not self.closed:
            self._latch.disarm()
        if self._poller and full != self.closed and self._listener.explains:
            self._poller.register(self._listener.fd, zmq.POLLIN if full else 0)
        self.closed = full

    def refuse(self, ready: Container[object]) -> None:
        """Answers the connections that came while it was full; `ready` are readable descriptors."""
        if not self.closed and not self._refused:
            return
        for descriptor in [refused for refused in self._refused if refused in ready]:
            self._answer(descriptor)
        if self.closed and self._listener.fd in ready:
            self._greet()

    def close(self) -> None:
        """Closes the monitor, before the ROUTER is closed; connections that are being refused end."""
        for descriptor in list(self._refused):
            self._dismiss(descriptor)
        self._router.disable_monitor()
        self.monitor.close(linger=0)
        os.close(self._listener.fd)

    def _event(self) -> tuple[int, int] | None:
        try:
            event, _endpoint = self.monitor.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None
        kind, descriptor = struct.unpack("=Hi", event)
        return kind, descriptor

    def _greet(self) -> None:
        """Accepts a connection that will be refused, and begins its handshake."""
        try:
            connection = self._listener.accept()
        except OSError:
            return
        if len(self._refused) >= REFUSING:
            self._dismiss(next(iter(self._refused)))
        try:
            connection.setblocking(False)
            connection.send(_HANDSHAKE)
        except OSError:
            connection.close()  # it has left already
            return
        self._refused[connection.fileno()] = connection, bytearray()
        if self._poller:
            self._poller.register(connection.fileno(), zmq.POLLIN)

    def _answer(self, descriptor: int) -> None:
        """Sends the error once the other end has finished its handshake: libzmq takes no message before that."""
        connection, received = self._refused[descriptor]
        try:
            data = connection.recv(4096)
            waiting = b"READY" not in received
            received += data
            if not data or not waiting or len(received) > 4096:
                self._dismiss(descriptor)
            elif b"READY" in received:
                connection.send(self._message())
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            self._dismiss(descriptor)

    def _message(self) -> bytes:
        text = f"hushd has {self.ceiling} connections, which is its limit: close some, then ask again."
        *first, last = pack(Error.of(b"", HushdError("server_busy", text)))
        return (
            b"".join(b"\x03" + struct.pack(">Q", len(frame)) + frame for frame in first) + bytes([0, len(last)]) + last
        )

    def _dismiss(self, descriptor: int) -> None:
        connection, _ = self._refused.pop(descriptor)
        if self._poller:
            self._poller.unregister(descriptor)
        connection.close()
