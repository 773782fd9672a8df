"""Sockets as pyzmq shows them."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

import zmq

from .core import Core
from .errors import Again, ContextTerminated, ZMQError
from .errors import error as error_of
from .frame import Frame
from .listener import Listener
from .patterns import Unsendable
from .pipe import Message, Pipe, pair
from .session import Session

if TYPE_CHECKING:
    from .context import Context

TICKS = 100  # messages that are read before commands are looked at
THROTTLE_S = 0.001  # in which a sender need not look at them again
LAZY = 0.8  # how often it does not
_NOBLOCK, _SNDMORE = int(zmq.NOBLOCK), int(zmq.SNDMORE)


class Socket(Core):
    """A socket: the calls of pyzmq that hushd and its tests use."""

    def __init__(self, context: Context, kind: int) -> None:
        super().__init__(context, kind)
        self._inproc: dict[str, list[Pipe]] = {}
        self._outgoing: list[bytes] = []
        self._target: object = None
        self._incoming: list[bytes] = []  # the rest of a message, the last frame first
        self._message = Message([])
        self._ticks = 0
        self._looked = -1.0
        self._listener: Socket | None = None

    # --- options -----------------------------------------------------------------------------------------------------

    def setsockopt(self, option: int, value: int | bytes) -> None:
        """Raises KeyError for one that is not simulated."""
        self.options.set(option, value)

    set = setsockopt

    def getsockopt(self, option: int) -> int | bytes:
        """Raises KeyError for one that is not simulated."""
        if option == zmq.EVENTS:
            return self._events()
        if option == zmq.RCVMORE:
            return int(bool(self._incoming))
        if option == zmq.TYPE:
            return self.number
        return self.options.get(option)

    get = getsockopt

    def set_hwm(self, value: int) -> None:
        """Sets both limits."""
        self.options.send_high = self.options.receive_high = value

    # --- places ------------------------------------------------------------------------------------------------------

    def bind(self, endpoint: str) -> None:
        """Raises ZMQError where it is taken."""
        self._work()
        if endpoint.startswith("inproc://"):
            if endpoint in self.context.endpoints:
                raise ZMQError(errno.EADDRINUSE)
            self.context.endpoints[endpoint] = self
            for connect in self.context.early.pop(endpoint, []):
                connect(self)
            return
        listening = self._listen(endpoint)
        listener = Listener(self, endpoint, listening)
        self._endpoints[endpoint] = listener
        self._children[listener] = None
        self.event("LISTENING", listener.descriptor, endpoint)
        self.context.thread.post(listener.start)

    def _listen(self, endpoint: str) -> socket.socket:
        if self.options.use_fd >= 0:
            listening = socket.socket(fileno=self.options.use_fd)
            listening.setblocking(False)
            return listening
        address = endpoint.removeprefix("ipc://")
        try:
            os.unlink(address)
        except FileNotFoundError:
            pass
        listening = socket.socket(socket.AF_UNIX)
        try:
            listening.bind(address)
        except OSError as error:
            self.event("CLOSED", listening.fileno(), endpoint)
            self.event("BIND_FAILED", error.errno or 0, endpoint)
            listening.close()
            raise ZMQError(error.errno) from error
        listening.listen(100)
        listening.setblocking(False)
        return listening

    def connect(self, endpoint: str) -> None:
        """Connects now, or whenever there is somebody."""
        self._work()
        if endpoint.startswith("inproc://"):
            self._connect_inside(endpoint)
            return
        if endpoint in self._endpoints and self.kind == "DEALER":
            return
        session = Session(self, True, endpoint)
        ours, theirs = pair(self, self.context.thread, self.options.send_high, self.options.receive_high)
        self.attach(ours)
        theirs.sink = session
        session.pipe = theirs
        self._endpoints[endpoint] = session
        self._children[session] = None
        self.context.thread.post(session.start)

    def _connect_inside(self, endpoint: str) -> None:
        there = self.context.endpoints.get(endpoint)
        out, back = self.options.send_high, self.options.receive_high
        if there:
            out = out + there.options.receive_high if out and there.options.receive_high else 0
            back = back + there.options.send_high if back and there.options.send_high else 0
        ours, theirs = pair(self, there or self, out, back)

        def join(peer: Core) -> None:
            theirs.thread = peer
            if peer.introduced:
                theirs.inbox.appendleft(Message([self.options.route], introduces=True))
            if self.introduced:
                ours.inbox.appendleft(Message([peer.options.route], introduces=True))
            peer.post(lambda: peer.attach(theirs))

        if there:
            join(there)
        else:
            self.context.early.setdefault(endpoint, []).append(join)
        self._inproc.setdefault(endpoint, []).append(ours)
        self.attach(ours)

    def disconnect(self, endpoint: str) -> None:
        """Takes a place back. Raises ZMQError where it is not there."""
        self._work()
        if endpoint in self._inproc:
            for pipe in self._inproc.pop(endpoint):
                pipe.terminate(True)
        elif self.context.endpoints.get(endpoint) is self:
            del self.context.endpoints[endpoint]
        elif endpoint in self._endpoints:
            self._drop(endpoint)
        else:
            raise ZMQError(errno.ENOENT)

    unbind = disconnect

    # --- messages ----------------------------------------------------------------------------------------------------

    def send(self, data: bytes, flags: int = 0, copy: bool = True) -> None:
        """Raises ZMQError: Again, EHOSTUNREACH."""
        self._check()
        self._network.preempt()
        self._throttled()
        data = bytes(data)
        more = bool(flags & _SNDMORE)
        if not self._outgoing:
            self._begin(data, more, bool(flags & _NOBLOCK))
        self._outgoing.append(data)
        if not more:
            frames, self._outgoing = self._outgoing, []
            try:
                self._pattern.send(self._target, frames)
            except Unsendable as refusal:
                raise error_of(refusal.errno) from None

    def _begin(self, data: bytes, more: bool, now: bool) -> None:
        while True:
            try:
                self._target = self._pattern.begin(data, more)
                return
            except Unsendable as refusal:
                if refusal.errno != errno.EAGAIN or now or not self._wait(self.options.send_timeout):
                    raise error_of(refusal.errno) from None

    def send_multipart(self, frames: Iterable[bytes], flags: int = 0, copy: bool = True) -> None:
        """Raises ZMQError: Again, EHOSTUNREACH."""
        *first, last = frames
        for frame in first:
            self.send(frame, int(flags) | _SNDMORE)
        self.send(last, flags)

    def recv(self, flags: int = 0, copy: bool = True) -> bytes | Frame:
        """Raises ZMQError: Again."""
        self._check()
        if not self._incoming:
            self._message = self._receive(bool(flags & _NOBLOCK))
            self._incoming = self._message.frames[::-1]
        data = self._incoming.pop()
        if not self._incoming:
            self._pattern.finish()
        return data if copy else Frame(data, self._message, bool(self._incoming))

    def _receive(self, now: bool) -> Message:
        self._network.preempt()
        self._ticks += 1
        if self._ticks >= TICKS:
            self._work()
            self._ticks = 0
        while True:
            try:
                if message := self._pattern.read():
                    return message
                self._work()
                self._ticks = 0
                if message := self._pattern.read():
                    return message
            except Unsendable as refusal:
                raise error_of(refusal.errno) from None
            if now or not self._wait(self.options.receive_timeout):
                raise Again

    def recv_multipart(self, flags: int = 0, copy: bool = True) -> list[bytes] | list[Frame]:
        """Raises ZMQError: Again."""
        frames = [self.recv(flags, copy)]
        while self._incoming:
            frames.append(self.recv(flags, copy))
        return frames  # type: ignore[return-value]

    def poll(self, timeout: int | None = None, flags: int = int(zmq.POLLIN)) -> int:
        """Returns those of `flags` that are there within `timeout` milliseconds."""
        self._network.preempt()
        events = self._events() & flags
        if events or timeout == 0:
            return events
        seconds = None if timeout is None or timeout < 0 else timeout / 1000
        self._network.kernel.wait(lambda: bool(self._events() & flags), seconds, (self,))
        return self._events() & flags

    def _events(self) -> int:
        self._check()
        self._work()
        readable = bool(self._incoming) or self._pattern.has_message()
        return (zmq.POLLIN if readable else 0) | (zmq.POLLOUT if self._pattern.has_room() else 0)

    def readable(self) -> bool:
        """Returns whether a message can be read."""
        self._check()
        self._work()
        return bool(self._incoming) or self._pattern.has_message()

    def _wait(self, timeout: int) -> bool:
        """Waits for a command; returns whether one has come."""
        seconds = None if timeout < 0 else timeout / 1000
        came = self._network.kernel.wait(lambda: bool(self._mailbox), seconds, (self,))
        self._work()
        return came

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

    # --- the monitor -------------------------------------------------------------------------------------------------

    def monitor(self, endpoint: str | None, events: int = int(zmq.EVENT_ALL)) -> None:
        """Has events told at `endpoint`; None for no more."""
        self._stop_monitor()
        if endpoint is None:
            return
        self._mask = int(events)
        self._monitor = monitor = Socket(self.context, int(zmq.PAIR))
        monitor.options.linger = 0
        monitor.on_command = self.context.thread.retry
        monitor.bind(endpoint)

    def get_monitor_socket(self, events: int | None = None, addr: str | None = None) -> Socket:
        """Returns a socket that hears of events."""
        if self._listener is None:
            endpoint = addr or f"inproc://monitor.s-{self._network.kernel.now()}.{len(self.context.sockets)}"
            self.monitor(endpoint, int(zmq.EVENT_ALL) if events is None else int(events))
            self._listener = self.context.socket(zmq.PAIR)
            self._listener.connect(endpoint)
        return self._listener

    def disable_monitor(self) -> None:
        """Tells no more events."""
        self._listener = None
        self.monitor(None, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.close()


def _option(option: int) -> property:
    return property(lambda self: self.get(option), lambda self, value: self.set(option, value))


for _name, _number in (("linger", zmq.LINGER), ("rcvtimeo", zmq.RCVTIMEO), ("sndtimeo", zmq.SNDTIMEO)):
    setattr(Socket, _name, _option(int(_number)))
    setattr(Socket, _name.upper(), _option(int(_number)))
