"""The socket that is forwarded to the other machine, and the programs that come by it."""

from __future__ import annotations

import math
import os
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from functools import partial
from pathlib import Path

import zmq
from hushd_protocol import __version__
from hushd_protocol.codec import Decoder
from hushd_protocol.errors import HushdError
from hushd_protocol.framing import pack, unpack
from hushd_protocol.limits import MAX_WIRE, PROTOCOL
from hushd_protocol.messages import FROM_CLIENT, Error, Hello, Message, Ping, Welcome

from .guest import Guest
from .rights import Rights

GUESTS = 64
UNREAD = 32  # messages of a guest that are read ahead
UNSENT = 1000  # to a guest; then it is given up
TURN = 64  # messages, before those that wait to be sent
PING_S = 2.0
MISSED = 5  # pings, before a guest counts as gone


class Crowd:
    """Serves the programs of one other machine, on a thread of its own, until `close`.

    Attributes:
        round_trip: seconds to that machine and back.
    """

    def __init__(self, path: Path, rights: Rights) -> None:
        self.round_trip = 0.0
        self._rights = rights
        self._path = path
        self._guests: dict[bytes, Guest] = {}
        self._silent: dict[bytes, int] = {}  # pings without an answer
        self._routes: dict[int, bytes] = {}  # by descriptor: the notice of an end names only that
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
        with suppress(OSError):
            path.unlink()
        mask = os.umask(0o177)
        try:
            self._router.bind(f"ipc://{path}")
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise HushdError("output_failed", f"There can be no socket at {path} ({error.strerror}).") from error
        finally:
            os.umask(mask)
        self._thread = threading.Thread(target=self._run, name="hushd-crowd", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends all that the programs have begun."""
        self._closing = True
        self._wake()
        self._thread.join()
        with suppress(OSError):
            self._path.unlink()

    # --- what guests ask, on any thread ------------------------------------------------------------------------------

    def claimed(self, pid: int, device: str) -> bool:
        """Returns whether a process has asked for a device."""
        return any(device in devices for guest in self._of(pid) for devices in [*guest.claims.values()])

    def granted(self, pid: int, device: str) -> bool:
        """Returns whether a process has the floor of a device."""
        return any(device in guest.claims.get(name, ()) for guest in self._of(pid) for name in [*guest.granted])

    def look(self, pid: int) -> None:
        """Has the streams of a process look at the floor."""
        for guest in self._of(pid):
            guest.look()

    def _of(self, pid: int) -> list[Guest]:
        return [guest for guest in [*self._guests.values()] if guest.pid == pid]

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
                with suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
            if self._router in ready:
                self._receive(decoder)
            if self._monitor in ready:
                self._depart()
            while self._outbox:
                self._deliver(*self._outbox.popleft())
            if time.monotonic() >= due:
                due = time.monotonic() + PING_S
                self._ping()
        for route in [*self._guests]:
            self._lose(route)
        self._router.disable_monitor()
        self._monitor.close(linger=0)
        self._router.close(linger=0)
        self._context.term()

    def _receive(self, decoder: Decoder) -> None:
        for _ in range(TURN):
            try:
                route, *frames = self._router.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            name = bytes(route.buffer)
            try:
                message = unpack([bytes(frame.buffer) for frame in frames], decoder)
                self._take(name, message, int(frames[0].get(zmq.SRCFD)))
            except HushdError as error:
                self._deliver(name, Error.of(b"", error))

    def _take(self, route: bytes, message: Message, descriptor: int) -> None:
        guest = self._guests.get(route)
        if guest:
            self._silent[route] = 0
        if isinstance(message, Hello):
            if guest is None:
                self._welcome(route, message, descriptor)
        elif guest is None:
            raise HushdError("protocol_error", "Say hello first.")
        elif not guest.receive(message):
            self._deliver(route, Error.of(b"", HushdError("protocol_error", "More was sent than was allowed.")))
            self._lose(route)

    def _welcome(self, route: bytes, hello: Hello, descriptor: int) -> None:
        if hello.protocol != PROTOCOL:
            raise HushdError(
                "version_mismatch",
                f"The person's machine speaks hushd/{PROTOCOL} ({__version__}) and this program hushd/{hello.protocol} "
                f"({hello.version}): install the same version on both.",
            )
        self._depart()  # before it is known: the number of its descriptor was that of another a moment ago
        if (old := self._routes.pop(descriptor, None)) is not None:
            self._lose(old)
        if len(self._guests) >= GUESTS:
            raise HushdError("server_busy", f"At most {GUESTS} programs use a machine that is attached.")
        self._routes[descriptor] = route
        self._guests[route] = Guest(hello, self._rights, partial(self._send, route), self)
        self._deliver(route, Welcome(protocol=PROTOCOL, version=__version__, pid=os.getpid()))

    def _deliver(self, route: bytes, message: Message) -> None:
        try:
            self._router.send_multipart([route, *pack(message)], zmq.NOBLOCK)
        except zmq.ZMQError:  # it has gone, or does not read
            self._lose(route)

    def _depart(self) -> None:
        """Silences at once those whose connection has ended."""
        while self._monitor.poll(0):
            (descriptor,) = struct.unpack("=i", self._monitor.recv_multipart()[0][2:6])
            if (route := self._routes.pop(descriptor, None)) is not None:
                self._lose(route)

    def _ping(self) -> None:
        for route in [*self._guests]:
            self._silent[route] = self._silent.get(route, 0) + 1
            if self._silent[route] > MISSED:
                self._lose(route)
            else:
                self._deliver(route, Ping())

    def _lose(self, route: bytes) -> None:
        self._silent.pop(route, None)
        if guest := self._guests.pop(route, None):
            guest.leave()


_OPTIONS = {
    zmq.LINGER: 0,
    zmq.RCVHWM: UNREAD,
    zmq.SNDHWM: UNSENT,
    zmq.ROUTER_MANDATORY: 1,
    zmq.MAXMSGSIZE: MAX_WIRE,
    zmq.BACKLOG: GUESTS,
}
