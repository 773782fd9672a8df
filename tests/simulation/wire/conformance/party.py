"""A party of a script: a process with sockets of ZeroMQ, or bare ones. It is the same with both libraries.

All that it says is independent of what may differ: descriptors and routing ids are numbered in the order in which they
are seen, so that two libraries that behave alike say the same.
"""

from __future__ import annotations

import os
import socket
import struct
import zlib
from collections import Counter
from types import ModuleType
from typing import Any

import zmq as names

_CONNECTIONS = {"ACCEPTED", "CONNECTED"}
_ENDS = {"DISCONNECTED"}
_VALUES = {"HANDSHAKE_FAILED_PROTOCOL", "HANDSHAKE_FAILED_AUTH"}
_EVENTS = int(names.EVENT_ALL & ~names.EVENT_MONITOR_STOPPED)  # which tells when all of a socket has gone: nobody asks
MOST = 100_000  # messages of a flood
BOUND_MS = 60_000


class Party:
    """One socket in a process of its own. `zmq` is the library."""

    def __init__(self, zmq: ModuleType) -> None:
        self._zmq = zmq
        self._context: Any = None
        self._socket: Any = None
        self._monitor: Any = None
        self._kind = ""
        self._routes: list[bytes] = []
        self._instances: dict[int, int] = {}  # of connections, by their descriptors now
        self._count = 0
        self._ended: set[object] = set()
        self._bare: list[socket.socket] = []
        self._events: Counter[str] = Counter()
        self._told: list[list[object]] = []

    # --- sockets of ZeroMQ -------------------------------------------------------------------------------------------

    def open(self, kind: str, **options: Any) -> None:
        """Makes the socket and its monitor."""
        self._kind = kind
        self._context = self._zmq.Context()
        self._socket = self._context.socket(getattr(names, kind))
        self._socket.setsockopt(names.LINGER, 0)
        if kind == "ROUTER":
            self._socket.setsockopt(names.ROUTER_MANDATORY, 1)
        for name, value in options.items():
            self._socket.setsockopt(getattr(names, name), value)
        self._socket.monitor("inproc://monitor", _EVENTS)
        self._monitor = self._context.socket(names.PAIR)
        self._monitor.set_hwm(0)
        self._monitor.connect("inproc://monitor")

    def bind(self, path: str, given: bool = False) -> str:
        """Binds; `given`: to a listening socket that it makes itself."""
        if given:
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(path)
            listening.listen(100)
            self._socket.setsockopt(names.USE_FD, listening.detach())
        return self._try(lambda: self._socket.bind(f"ipc://{path}"))

    def connect(self, path: str) -> str:
        return self._try(lambda: self._socket.connect(f"ipc://{path}"))

    def disconnect(self, path: str) -> str:
        """Takes back a place that was bound or connected."""
        return self._try(lambda: self._socket.disconnect(f"ipc://{path}"))

    def send(self, frames: list[bytes], to: int | None = None) -> str:
        """Sends, `to` the n-th peer that was heard of."""
        return self._try(lambda: self._socket.send_multipart([*self._route(to), *frames], names.NOBLOCK))

    def flood(self, most: int, frames: list[bytes], to: int | None = None) -> list[object]:
        """Sends until that is refused; returns how often it was not, and why then."""
        for count in range(most):
            if (outcome := self.send(frames, to)) != "ok":
                return [count, outcome]
        return [most, "ok"]

    def take(self, most: int = MOST) -> list[object]:
        """Takes messages."""
        taken: list[object] = []
        while len(taken) < most:
            try:
                first = self._socket.recv(names.NOBLOCK, copy=False)
            except self._zmq.Again:
                break
            frames = [first.bytes]
            while self._socket.getsockopt(names.RCVMORE):
                frames.append(self._socket.recv(names.NOBLOCK))
            taken.append(self._named(first, frames))
        return taken

    def _named(self, first: Any, frames: list[bytes]) -> object:
        digests = [_digest(frame) for frame in frames]
        if self._kind != "ROUTER":
            return digests
        route = frames[0]
        if route not in self._routes:
            self._routes.append(route)
        self.events_into()
        if len(route) == 5 and route[0] == 0:
            start = next(each for each in self._routes if len(each) == 5 and each[0] == 0)
            name: object = (int.from_bytes(route[1:]) - int.from_bytes(start[1:])) % 2**32
        else:
            name = route.hex()
        return [name, self._instance(first), digests[1:]]

    def _instance(self, frame: Any) -> object:
        try:
            return self._instances.get(frame.get(names.SRCFD), "unknown")
        except self._zmq.ZMQError:
            return "none"

    def _route(self, to: int | None) -> list[bytes]:
        if to is None:
            return []
        return [self._routes[to] if to < len(self._routes) else b"\0nobo"]

    def events(self) -> list[list[object]]:
        """The events of the monitor since this was asked."""
        self.events_into()
        told, self._told = self._told, []
        return told

    def events_into(self) -> None:
        """Reads the monitor."""
        if self._monitor is None:
            return
        while self._monitor.poll(0):
            event, _ = self._monitor.recv_multipart()
            number, value = struct.unpack("=Hi", event)
            name = str(names.Event(number).name)
            told: list[object] = [name]
            self._events[name] += 1
            if name in _CONNECTIONS:
                self._instances[value] = self._count
                told.append(self._count)
                self._count += 1
            elif name in _ENDS:
                told.append(self._instances.get(value, "unknown"))
                self._ended.add(told[1])
            elif name in _VALUES:
                told.append(value)
            self._told.append(told)

    def look(self) -> None:
        """Has the socket work off its mailbox."""
        self._socket.getsockopt(names.EVENTS)

    def until(self, name: str, count: int = 1) -> None:
        """Waits until an event has happened so often."""
        self.events_into()
        while self._events[name] < count:
            assert self._monitor.poll(BOUND_MS), name
            self.events_into()

    def cut(self, instance: int) -> str:
        """Ends a connection from outside, by its descriptor."""
        for descriptor, number in self._instances.items():
            if number == instance and instance not in self._ended:
                try:
                    with socket.socket(fileno=os.dup(descriptor)) as ours:
                        ours.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return "gone"
                return "ok"
        return "unknown"

    def close(self, linger: int = 0) -> None:
        """Closes the socket; its events are told until then."""
        self._socket.close(linger)

    def leave(self) -> None:
        """Waits for the end of what `close` has begun."""
        self.events_into()
        if self._monitor:
            self._monitor.close(0)
            self._monitor = None
        self._context.term()

    def _try(self, call: Any) -> str:
        try:
            call()
        except self._zmq.Again:
            return "again"
        except self._zmq.ZMQError as error:
            return {names.EHOSTUNREACH: "unreachable"}.get(error.errno, f"errno {error.errno}")
        return "ok"

    # --- bare sockets ------------------------------------------------------------------------------------------------

    def raw_connect(self, path: str) -> str:
        """Connects a bare socket."""
        bare = socket.socket(socket.AF_UNIX)
        bare.setblocking(False)
        try:
            bare.connect(path)
        except OSError:
            bare.close()
            return "refused"
        self._bare.append(bare)
        return "ok"

    def raw_write(self, data: bytes, which: int = 0) -> str:
        try:
            return str(self._bare[which].send(data))
        except OSError as error:
            return type(error).__name__

    def raw_read(self, which: int = 0) -> list[object]:
        """Returns all that has come, and whether it is the end."""
        data, end = b"", ""
        try:
            while not end:
                more = self._bare[which].recv(65536)
                data += more
                end = "" if more else "end"
        except BlockingIOError:
            pass
        except OSError as error:
            end = type(error).__name__
        return [data.hex(), end]

    def raw_expect(self, size: int, which: int = 0) -> str:
        """Waits for so many bytes."""
        data = b""
        poller = self._zmq.Poller()
        poller.register(self._bare[which].fileno(), names.POLLIN)
        while len(data) < size and poller.poll(BOUND_MS):
            data += self._bare[which].recv(size - len(data))
        return data.hex()

    def raw_shut(self, which: int = 0) -> None:
        """Says that nothing more will come."""
        self._bare[which].shutdown(socket.SHUT_WR)

    def raw_close(self, which: int = 0) -> None:
        self._bare[which].close()


def _digest(frame: bytes) -> object:
    return frame.decode("latin-1") if len(frame) < 20 else [len(frame), zlib.crc32(frame)]
