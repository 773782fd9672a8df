"""Connections, and who accepts them: all that a thread of libzmq does with descriptors."""

from __future__ import annotations

import socket
from collections import deque
from typing import TYPE_CHECKING

from .messages import Decoder, Message, encode

if TYPE_CHECKING:
    from .sockets import Socket

BATCH = 8192  # bytes that are read and written at once
RETRY_MS = 24 * 3600 * 1000  # of RECONNECT_IVL: who has so long does not try again


class Connection:
    """One end of a connection: its bytes in the kernel, and the messages that wait on this side.

    Attributes:
        route: the name that a ROUTER has for it, once the program's thread knows of it.
        turn: whether the socket has it among those that have messages.
        lost: whether the program's thread knows of its end.
    """

    listening = False

    def __init__(self, owner: Socket, endpoint: str, real: socket.socket | None = None) -> None:
        self.owner, self.endpoint, self.pid = owner, endpoint, owner.context.pid
        self.descriptor = -1
        self.route = b""
        self.turn = self.lost = False
        self.incoming: deque[Message] = deque()
        self._outgoing: deque[list[bytes]] = deque()
        self._unsent = b""  # of which the kernel has had the beginning
        self._decoder = Decoder()
        self._real: socket.socket | None = None
        self._thread, self._network = owner.context.thread, owner.context.network
        self._noted = self._paused = self._blocked = self._lingers = self._over = False
        if real is not None:
            self._begin(real)

    def connect(self) -> None:
        """Tries to connect, in the I/O thread; again later, unless the socket does not want that."""
        if self._over:
            return
        real = socket.socket(socket.AF_UNIX)
        real.setblocking(False)
        try:
            real.connect(self.endpoint.removeprefix("ipc://"))
        except OSError:
            self.owner.event("CLOSED", real.fileno(), self.endpoint)
            real.close()
            interval = self.owner.options["RECONNECT_IVL"]
            self.owner.event("CONNECT_RETRIED", interval, self.endpoint)
            if interval < RETRY_MS:
                self._thread.later(interval / 1000, self.connect)
            return
        self._begin(real)
        self.owner.event("CONNECTED", self.descriptor, self.endpoint)
        self._work()

    def _begin(self, real: socket.socket) -> None:
        real.setblocking(False)
        self._real, self.descriptor = real, real.fileno()
        self.owner.parts[self] = None
        self._network.watch(self)

    # --- the program's thread ----------------------------------------------------------------------------------------

    def has_room(self) -> bool:
        """Returns whether another message may wait here."""
        high = self.owner.options["SNDHWM"]
        return not high or len(self._outgoing) < high

    def send(self, frames: list[bytes]) -> None:
        """Has a message sent; it vanishes where the connection has ended."""
        if not self._over:
            self._outgoing.append(frames)
            self._have_worked()

    def take(self) -> Message:
        """Takes a message that is there."""
        message = self.incoming.popleft()
        if self._paused and len(self.incoming) <= self.owner.options["RCVHWM"] // 2:
            self._paused = False
            self._have_worked()
        return message

    def _have_worked(self) -> None:
        if not self._noted:
            self._noted = True
            self._thread.post(self._work)

    # --- the I/O thread ----------------------------------------------------------------------------------------------

    def note(self, hung_up: bool, writable: bool) -> None:
        """Has the thread look at the descriptor; one that hangs up while it is not read is forgotten."""
        if hung_up and self._paused:
            self._thread.post(self._end)
        else:
            self._have_worked()

    def _work(self) -> None:
        self._noted = False
        if self._real is not None:
            self._write()
        if self._real is not None and not self._lingers:
            self._read()

    def _write(self) -> None:
        assert self._real is not None
        while self._unsent or self._outgoing:
            while self._outgoing and len(self._unsent) < BATCH:
                self._unsent += encode(self._outgoing.popleft())
            try:
                size = self._real.send(self._unsent, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                self._blocked = True
                self._network.watch_writable(self.descriptor, True)
                return
            except OSError:  # reading notices the end
                self._unsent = b""
                self._outgoing.clear()
                break
            self._unsent = self._unsent[size:]
        if self._blocked:
            self._blocked = False
            self._network.watch_writable(self.descriptor, False)
        self._network.kernel.wake(self.owner)
        if self._lingers:
            self.abandon()

    def _read(self) -> None:
        assert self._real is not None
        high = self.owner.options["RCVHWM"]
        while True:
            if high and len(self.incoming) >= high:
                self._paused = True
                return
            try:
                data = self._real.recv(BATCH)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._end()
                return
            self.incoming.extend(Message(frames, self.descriptor) for frames in self._decoder.feed(data))
            self.owner.arrived(self)

    def _end(self) -> None:
        """Notices the end of the peer."""
        if self._real is not None:
            descriptor = self.descriptor
            self.abandon()
            self.owner.event("DISCONNECTED", descriptor, self.endpoint)
            self.owner.post(lambda: self.owner.lose(self))

    def abandon(self) -> None:
        """Closes it, as the end of its process does."""
        self._over = True
        if self._real is not None:
            self._network.unwatch(self)
            self._real.close()
            self._real = None
        self.owner.closed_one(self)

    def leave(self, linger: int) -> None:
        """Closes it once all is sent, or after so many milliseconds; -1: no end of them."""
        if self._real is None or linger == 0 or not (self._outgoing or self._unsent):
            self.abandon()
            return
        self._lingers = True
        if linger > 0:
            self._thread.later(linger / 1000, self.abandon)
        self._work()


class Listener:
    """Accepts the connections of a listening socket."""

    listening = True

    def __init__(self, owner: Socket, endpoint: str, real: socket.socket) -> None:
        self._owner, self._endpoint, self._real = owner, endpoint, real
        self.pid, self.descriptor = owner.context.pid, real.fileno()
        self._noted = self._over = False

    def note(self, hung_up: bool, writable: bool) -> None:
        """Has the thread look at the descriptor, as epoll reports it."""
        if not self._noted:
            self._noted = True
            self._owner.context.thread.post(self._accept)

    def _accept(self) -> None:
        self._noted = False
        if self._over:
            return
        try:
            real, _ = self._real.accept()
        except BlockingIOError:
            return
        connection = Connection(self._owner, self._endpoint, real)
        self._owner.event("ACCEPTED", connection.descriptor, self._endpoint)
        self._owner.post(lambda: self._owner.attach(connection))

    def abandon(self) -> None:
        """Accepts no more."""
        if not self._over:
            self._over = True
            self._owner.context.network.unwatch(self)
            self._real.close()
