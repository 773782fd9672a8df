"""Sockets as pyzmq shows them: ROUTER, DEALER, and the PAIR that hears of a monitor's events."""

from __future__ import annotations

import errno
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import zmq

from .connection import Connection, Listener
from .messages import Again, ContextTerminated, Frame, Message, ZMQError

if TYPE_CHECKING:
    from .context import Context

# Milliseconds and messages, as libzmq has them. The others are taken, and change nothing.
OPTIONS = {
    "SNDHWM": 1000, "RCVHWM": 1000, "LINGER": -1, "RECONNECT_IVL": 100, "ROUTER_MANDATORY": 0, "USE_FD": -1,
    "MAXMSGSIZE": -1, "HANDSHAKE_IVL": 30_000, "BACKLOG": 100,
}  # fmt: skip
TICKS = 100  # messages that are read before commands are looked at
THROTTLE_S = 0.001  # in which a sender need not look at them again
LAZY = 0.8  # how often it does not
_NOBLOCK, _SNDMORE = int(zmq.NOBLOCK), int(zmq.SNDMORE)


class Socket:
    """A socket: the calls of pyzmq that hushd uses.

    Attributes:
        parts: those that have a descriptor, or want one.
    """

    def __init__(self, context: Context, kind: int) -> None:
        self.context, self._kind = context, kind
        self.options = dict(OPTIONS)
        self.closed = False
        self._network = context.network
        self._mailbox: deque[Callable[[], None]] = deque()
        self.parts: dict[Connection | Listener, None] = {}
        self._peers: dict[bytes, Connection] = {}  # of a ROUTER by route; the one of a DEALER by no name
        self._turns: deque[Connection] = deque()  # those that have messages
        self._next = self._network.kernel.random.getrandbits(32)
        self._outgoing: list[bytes] = []
        self._incoming: list[bytes] = []  # the rest of a message, the last frame first
        self._message = Message([])
        self._ticks, self._looked = 0, -1.0
        self.events: deque[Message] = deque()  # that a PAIR has yet to read
        self.watcher: Socket | None = None
        self._mask = 0  # of the events that it is told
        context.sockets[self] = None

    # --- options and places ------------------------------------------------------------------------------------------

    def setsockopt(self, option: int, value: int) -> None:
        """Raises KeyError for one that is not simulated."""
        name = zmq.SocketOption(option).name
        if name not in self.options:
            raise KeyError(name)
        self.options[name] = value

    def getsockopt(self, option: int) -> int:
        """Raises KeyError for one that is not simulated."""
        if option == zmq.EVENTS:
            return self.ready()
        return self.options[zmq.SocketOption(option).name]

    def set_hwm(self, value: int) -> None:
        """Sets both limits."""
        self.options["SNDHWM"] = self.options["RCVHWM"] = value

    def bind(self, endpoint: str) -> None:
        """Listens with the descriptor that was given."""
        real = socket.socket(fileno=self.options["USE_FD"])
        real.setblocking(False)
        listener = Listener(self, endpoint, real)
        self.parts[listener] = None
        self._network.watch(listener)

    def connect(self, endpoint: str) -> None:
        """Connects now, or whenever there is somebody."""
        if endpoint.startswith("inproc://"):
            self.context.monitors[endpoint].watcher = self
            return
        connection = Connection(self, endpoint)
        self._peers[b""] = connection
        self.parts[connection] = None
        self.context.thread.post(connection.connect)

    # --- what the I/O thread tells -----------------------------------------------------------------------------------

    def post(self, command: Callable[[], None]) -> None:
        """Takes a command, which is carried out at the program's next call."""
        self._mailbox.append(command)
        self._network.kernel.wake(self)

    def _work(self) -> None:
        while self._mailbox:
            self._mailbox.popleft()()

    def attach(self, connection: Connection) -> None:
        """Numbers a connection that was accepted."""
        connection.route = b"\0" + self._next.to_bytes(4)
        self._next = (self._next + 1) % 2**32
        self._peers[connection.route] = connection
        self.arrived(connection)

    def arrived(self, connection: Connection) -> None:
        """Gives a connection that has messages its turns."""
        if connection.incoming and not connection.turn and self._peers.get(connection.route) is connection:
            connection.turn = True
            self._turns.append(connection)
            self._network.kernel.wake(self)

    def lose(self, connection: Connection) -> None:
        """Sends it nothing more; what it has sent is read."""
        connection.lost = True

    def closed_one(self, part: Connection | Listener) -> None:
        """Notes that a part has no descriptor any more."""
        self.parts.pop(part, None)
        if self.closed and not self.parts:
            self.context.sockets.pop(self, None)
            self._network.kernel.wake(self.context)

    # --- messages ----------------------------------------------------------------------------------------------------

    def send(self, data: bytes, flags: int = 0, copy: bool = True) -> None:
        self._check()
        self._network.preempt()
        self._throttled()
        if not self._outgoing:
            self._find(bytes(data), bool(flags & _NOBLOCK))
        self._outgoing.append(bytes(data))
        if not flags & _SNDMORE:
            frames, self._outgoing = self._outgoing, []
            peer = self._peers[frames.pop(0) if self._kind == zmq.ROUTER else b""]
            peer.send(frames)

    def _find(self, first: bytes, now: bool) -> None:
        """Waits for room for a message that begins so."""
        route = first if self._kind == zmq.ROUTER else b""
        while True:
            peer = self._peers.get(route)
            if route and (peer is None or peer.lost):
                raise ZMQError(errno.EHOSTUNREACH)
            if peer is not None and peer.has_room():
                return
            if now:
                raise Again
            self._network.kernel.wait(lambda: self._may_send(route), None, (self,))
            self._work()

    def _may_send(self, route: bytes) -> bool:
        """Returns whether there is room for it, or something to be known first."""
        return bool(self._mailbox) or (route in self._peers and self._peers[route].has_room())

    def send_multipart(self, frames: Iterable[bytes], flags: int = 0, copy: bool = True) -> None:
        """Raises ZMQError: Again, EHOSTUNREACH."""
        *first, last = frames
        for frame in first:
            self.send(frame, int(flags) | _SNDMORE)
        self.send(last, flags)

    def recv(self, flags: int = 0, copy: bool = True) -> bytes | Frame:
        self._check()
        if not self._incoming:
            self._message = self._receive(bool(flags & _NOBLOCK))
            self._incoming = self._message.frames[::-1]
        data = self._incoming.pop()
        return data if copy else Frame(data, self._message, bool(self._incoming))

    def _receive(self, now: bool) -> Message:
        self._network.preempt()
        self._ticks += 1
        if self._ticks >= TICKS or not self._has_message():
            self._work()
            self._ticks = 0
        if not self._has_message():
            if now:
                raise Again
            self._network.kernel.wait(self.readable, None, (self,))
        if self.events:
            return self.events.popleft()
        connection = self._turns.popleft()
        message = connection.take()
        connection.turn = bool(connection.incoming)
        if connection.turn:
            self._turns.append(connection)
        if connection.route:
            return Message([connection.route, *message.frames], message.descriptor)
        return message

    def recv_multipart(self, flags: int = 0, copy: bool = True) -> list[bytes] | list[Frame]:
        frames = [self.recv(flags, copy)]
        while self._incoming:
            frames.append(self.recv(flags, copy))
        return frames  # type: ignore[return-value]

    def poll(self, timeout: int | None = None, flags: int = int(zmq.POLLIN)) -> int:
        """Returns those of `flags` that are there within `timeout` milliseconds."""
        self._network.preempt()
        events = self.ready() & flags
        if events or timeout == 0:
            return events
        seconds = None if timeout is None or timeout < 0 else timeout / 1000
        self._network.kernel.wait(lambda: bool(self.ready() & flags), seconds, (self,))
        return self.ready() & flags

    def _has_message(self) -> bool:
        return bool(self.events or self._turns)

    def ready(self) -> int:
        room = any(peer.has_room() for peer in self._peers.values())
        return (zmq.POLLIN if self.readable() else 0) | (zmq.POLLOUT if room else 0)

    def readable(self) -> bool:
        self._check()
        self._work()
        return bool(self._incoming) or self._has_message()

    def _check(self) -> None:
        if self.closed:
            raise ZMQError(int(zmq.ENOTSOCK))
        if self.context.closed:
            raise ContextTerminated

    def _throttled(self) -> None:
        now = self._network.kernel.now()
        if now - self._looked > THROTTLE_S or self._network.kernel.random.random() >= LAZY:
            self._looked = now
            self._work()

    # --- the monitor and the end -------------------------------------------------------------------------------------

    def monitor(self, endpoint: str, events: int) -> None:
        """Has events told to the PAIR that connects to `endpoint`."""
        self._mask = int(events)
        self.context.monitors[endpoint] = self

    def get_monitor_socket(self, events: int) -> Socket:
        self._mask, self.watcher = int(events), self.context.socket(zmq.PAIR)
        return self.watcher

    def disable_monitor(self) -> None:
        self.watcher = None

    def event(self, name: str, value: int, endpoint: str) -> None:
        """Tells the monitor of an event, in the I/O thread."""
        number = int(zmq.Event[name])
        if self.watcher is not None and self._mask & number:
            self.watcher.events.append(Message([struct.pack("=HI", number, value & 0xFFFFFFFF), endpoint.encode()]))
            self._network.kernel.wake(self.watcher)

    def close(self, linger: int | None = None) -> None:
        """Closes it; messages sent are delivered within `linger` milliseconds, by the context's own thread."""
        if not self.closed:
            self.closed = True
            wait = self.options["LINGER"] if linger is None else linger
            self.context.thread.post(lambda: self._leave(wait))

    def _leave(self, linger: int) -> None:
        self._work()
        for part in list(self.parts):
            if isinstance(part, Connection):
                part.leave(linger)
            else:
                part.abandon()
                self.closed_one(part)
        if not self.parts:
            self.context.sockets.pop(self, None)
            self._network.kernel.wake(self.context)
