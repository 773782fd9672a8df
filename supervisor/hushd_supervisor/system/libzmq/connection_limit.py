"""Limits the connections of a ROUTER, because libzmq aborts when `accept` finds no free descriptor.

libzmq's monitor counts the connections. At the ceiling libzmq's listening socket is latched, and connections that
arrive are accepted here and answered with an error. With many descriptors, libzmq accepts freely below the ceiling.
With few, it accepts one connection at a time, and the next once that one is counted: it accepts faster than we count,
so a burst would take the descriptors that are reserved for our own work.
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
MAX_REFUSING = 8  # connections being refused at a time: each holds a descriptor of the reserve
_EVENTS = zmq.EVENT_ACCEPTED | zmq.EVENT_ACCEPT_FAILED | zmq.EVENT_DISCONNECTED
_READY = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 6) + b"ROUTER"
# ZMTP 3.0 as a ROUTER sends it: the greeting, and a command.
_HANDSHAKE = (
    b"\xff" + bytes(7) + b"\x01\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32) + bytes([4, len(_READY)]) + _READY
)


def ceiling(part: int) -> int:
    """Returns the maximum of a socket's connections: 1/`part` of the open files that this process may have."""
    return min(MAX_CONNECTIONS, open_files() // part)


def open_files() -> int:
    """Returns the maximum of open files of this process."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


class ListeningSocket(Protocol):
    """A listening socket: its descriptor, and its address as a ZeroMQ endpoint.

    `explains`: whether a refused connection gets an error; else it waits until there is room. `lasting`: whether the
    socket outlives this process.
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
        router: a ROUTER that is not bound yet.
        ceiling: the maximum of connections.
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
        self.monitor.set_hwm(0)  # a full queue would stop libzmq's I/O thread
        self.monitor.connect(name)
        self._router = router
        self._listener = listener
        self.ceiling = ceiling
        self.accepted = 0  # connections since the start
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
        """Registers the monitor, and later the refused connections, with `poller`."""
        self._poller = poller
        poller.register(self.monitor, zmq.POLLIN)
        self._adjust()

    @property
    def connections(self) -> int:
        """The number of connections, as counted so far."""
        return len(self._connected)

    def has(self, descriptor: int) -> bool:
        """Returns whether `changes` has reported a connection with this descriptor, and not its end."""
        return descriptor in self._connected

    def changes(self) -> Iterator[tuple[bool, int]]:
        """Yields the descriptors accepted (True) or ended since the last call, in order; adjusts the latch."""
        changes = []
        while (event := self._event()) is not None:
            kind, descriptor = event
            if kind == zmq.EVENT_ACCEPTED:
                self.accepted += 1
                self._connected.add(descriptor)
                changes.append((True, descriptor))
            elif kind == zmq.EVENT_DISCONNECTED:
                self._connected.discard(descriptor)
                changes.append((False, descriptor))
        self._adjust()
        yield from changes

    def _adjust(self) -> None:
        """Lets libzmq accept below the ceiling, and latches it at the ceiling."""
        full = len(self._connected) >= self.ceiling
        if self._latch is None and self._latchable and (full or self._one_by_one):
            self._latch = find(self._listening)
            self._latchable = not self._connected  # once libzmq has accepted it listens: another try finds no more
        if self._latch is None:
            return  # descriptors are plenty, or this system has no latch
        if not full:
            self._latch.arm()
        elif not self.closed:
            self._latch.disarm()
        if self._poller and full != self.closed and self._listener.explains:
            self._poller.register(self._listener.fd, zmq.POLLIN if full else 0)
        self.closed = full

    def refuse(self, ready: Container[object]) -> None:
        """Answers connections that came while the ROUTER was full; `ready` are readable descriptors."""
        if not self.closed and not self._refused:
            return
        for descriptor in [refused for refused in self._refused if refused in ready]:
            self._answer(descriptor)
        if self.closed and self._listener.fd in ready:
            self._greet()

    def close(self) -> None:
        """Closes the monitor, before the ROUTER is closed, and ends the refused connections."""
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
        """Accepts a connection in order to refuse it, and begins the handshake."""
        try:
            connection = self._listener.accept()
        except OSError:
            return
        if len(self._refused) >= MAX_REFUSING:
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
        """Sends the error once the peer has finished its handshake: its libzmq takes no message before that."""
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
