"""The socket forwarded to the other machine, and the programs that connect through it.

It is not the supervisor's own with fewer rights. That one would have to run for as long as a machine is attached, and
not from the first claim on; it would tell apart programs of two machines by their process ids, and what it forgot to
forbid would be allowed; and a worker for the devices would have to be told that the floor is lost.
"""

from __future__ import annotations

import math
import os
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import zmq
from hushd.transport.waiting import join
from hushd_protocol import __version__
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAX_WIRE, PROTOCOL
from hushd_protocol.messages import FROM_CLIENT, Error, Hello, Message, Ping, Welcome

from .permissions import Permissions
from .program import AttachedProgram

MAX_PROGRAMS = 64
TURN_MESSAGES = 64  # messages, in addition to queued ones
PING_S = 2.0
MAX_MISSED = 5  # pings, before a program counts as gone
_OPTIONS = {
    zmq.LINGER: 0,
    zmq.RCVHWM: 32,  # messages of a program read ahead
    zmq.SNDHWM: 1000,  # messages to a program, beyond which it is disconnected
    zmq.ROUTER_MANDATORY: 1,
    zmq.MAXMSGSIZE: MAX_WIRE,
    zmq.BACKLOG: MAX_PROGRAMS,
}


class AttachServer:
    """Serves the programs of one other machine, on a thread of its own, until `close`.
    `round_trip`: seconds to that machine and back."""

    def __init__(self, path: Path, permissions: Permissions) -> None:
        self.round_trip = 0.0
        self._permissions = permissions
        self._path = path
        self._programs: dict[bytes, AttachedProgram] = {}
        self._unanswered: dict[bytes, int] = {}  # pings
        self._descriptors: dict[bytes, int] = {}  # the notice of an end names only that
        self._outbox: deque[tuple[bytes, Message]] = deque()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._closing = False
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        for option, value in _OPTIONS.items():
            self._router.setsockopt(option, value)
        self._monitor = self._router.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._router.bind(f"ipc://{path}")
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise HushdError("output_failed", f"The socket {path} cannot be made ({error.strerror}).") from error
        finally:
            os.umask(mask)
        self._thread = threading.Thread(target=self._run, name="hushd-attach", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends everything that the programs have begun."""
        self._closing = True
        self._wake()
        join(self._thread)
        with suppress(OSError):
            self._path.unlink()

    # --- for the programs, on any thread -----------------------------------------------------------------------------

    def _connections(self, pid: int) -> Iterator[AttachedProgram]:
        return (program for program in [*self._programs.values()] if program.pid == pid)

    def _send(self, route: bytes, message: Message) -> None:
        self._outbox.append((route, message))
        self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._wake_write, b".")

    # --- its thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        poller = zmq.Poller()
        for source in (self._router, self._monitor, self._wake_read):
            poller.register(source, zmq.POLLIN)
        decoder, due = Decoder(FROM_CLIENT), time.monotonic() + PING_S
        while not self._closing:
            ready = dict(poller.poll(max(0, math.ceil((due - time.monotonic()) * 1000))))
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
            if self._router in ready:
                self._receive(decoder)
            self._depart()
            while self._outbox:
                self._deliver(*self._outbox.popleft())
            if time.monotonic() >= due:
                due = time.monotonic() + PING_S
                self._ping()
        for route in [*self._programs]:
            self._lose(route)
        self._router.disable_monitor()
        self._context.destroy(linger=0)

    def _receive(self, decoder: Decoder) -> None:
        for _ in range(TURN_MESSAGES):
            try:
                route, *frames = self._router.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            name = bytes(route.buffer)
            try:
                message = unpack([bytes(frame.buffer) for frame in frames], decoder)
                self._handle(name, message, int(frames[0].get(zmq.SRCFD)))
            except HushdError as error:
                self._deliver(name, Error.of(b"", error))

    def _handle(self, route: bytes, message: Message, descriptor: int) -> None:
        program = self._programs.get(route)
        if program is None:
            if not isinstance(message, Hello):
                raise HushdError("protocol_error", "Say hello first.")
            self._welcome(route, message, descriptor)
            return
        self._unanswered[route] = 0
        if not isinstance(message, Hello) and not program.receive(message):
            self._lose(route)
            raise HushdError("protocol_error", "More was sent than was allowed.")

    def _welcome(self, route: bytes, hello: Hello, descriptor: int) -> None:
        if hello.protocol != PROTOCOL:
            raise HushdError(
                "version_mismatch",
                f"The person's machine speaks hushd/{PROTOCOL} ({__version__}) and this program hushd/{hello.protocol} "
                f"({hello.version}): install the same version on both.",
            )
        self._depart()  # the new one is not known yet: the number of its descriptor was that of another a moment ago
        self._lose_by(descriptor)
        if len(self._programs) >= MAX_PROGRAMS:
            raise HushdError("server_busy", f"At most {MAX_PROGRAMS} programs can use an attached machine.")
        self._descriptors[route], self._unanswered[route] = descriptor, 0
        self._programs[route] = AttachedProgram(
            hello, self._permissions, partial(self._send, route), self._connections, lambda: self.round_trip
        )
        self._deliver(route, Welcome(protocol=PROTOCOL, version=__version__, pid=os.getpid()))

    def _deliver(self, route: bytes, message: Message) -> None:
        try:
            self._router.send_multipart([route, *pack(message)], zmq.NOBLOCK)
        except zmq.ZMQError:  # the program has gone, or does not read
            self._lose(route)

    def _depart(self) -> None:
        """Silences programs at once whose connection has ended."""
        while self._monitor.poll(0):
            (descriptor,) = struct.unpack("=i", self._monitor.recv_multipart()[0][2:6])
            self._lose_by(descriptor)

    def _lose_by(self, descriptor: int) -> None:
        for route in [route for route, number in self._descriptors.items() if number == descriptor]:
            self._lose(route)

    def _ping(self) -> None:
        for route in [*self._programs]:
            self._unanswered[route] += 1
            if self._unanswered[route] > MAX_MISSED:
                self._lose(route)
            else:
                self._deliver(route, Ping())

    def _lose(self, route: bytes) -> None:
        if program := self._programs.pop(route, None):
            del self._descriptors[route], self._unanswered[route]
            program.disconnect()
