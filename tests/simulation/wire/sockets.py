"""Contexts and sockets as pyzmq shows them, and what libzmq does behind them in the thread that owns a socket."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

import zmq

from .options import Options
from .patterns import Dealer, Pair, Pattern, Reply, Router, Unsendable
from .pipe import Message, Pipe, pair
from .session import Listener, Owned, Session
from .thread import Thread

if TYPE_CHECKING:
    from .network import Network

TICKS = 100  # messages that are read before commands are looked at
THROTTLE_S = 0.001  # in which a sender need not look at them again
LAZY = 0.8  # how often it does not
_KINDS = {int(zmq.ROUTER): "ROUTER", int(zmq.DEALER): "DEALER", int(zmq.PAIR): "PAIR", int(zmq.REP): "REP"}
_NOBLOCK, _SNDMORE = int(zmq.NOBLOCK), int(zmq.SNDMORE)


class ZMQError(Exception):
    """An error of the simulated libzmq."""

    def __init__(self, number: int | None = None, text: str | None = None) -> None:
        self.errno = number
        self.strerror = text or os.strerror(number or 0)
        super().__init__(self.strerror)


class Again(ZMQError):
    """It would have to wait."""

    def __init__(self, number: int = errno.EAGAIN, text: str | None = None) -> None:
        super().__init__(number, text)


class ContextTerminated(ZMQError):
    """The context has ended."""

    def __init__(self, number: int = int(zmq.ETERM), text: str | None = None) -> None:
        super().__init__(number, text)


def _error(number: int) -> ZMQError:
    return Again() if number == errno.EAGAIN else ZMQError(number)


class Frame:
    """A frame that was received with `copy=False`."""

    def __init__(self, data: bytes, message: Message, more: bool) -> None:
        self.bytes = self.buffer = data
        self.more = more
        self._message = message

    def __len__(self) -> int:
        return len(self.bytes)

    def get(self, option: int | str) -> int | str:
        """Raises ZMQError for a fact that is not known of the connection."""
        if option == zmq.MORE:
            return int(self.more)
        if option == zmq.SRCFD and self._message.descriptor >= 0:
            return self._message.descriptor
        if option == "User-Id" and self._message.user:
            return self._message.user
        raise ZMQError(errno.EINVAL)


class Context:
    """A context of the process that makes it, with its I/O thread and its reaper."""

    network: Network  # set by a subclass that a network makes

    def __init__(self, io_threads: int = 1) -> None:
        self.pid = self.network.kernel.process()
        if not self.network.may_open(self.pid):
            raise ZMQError(errno.EMFILE)
        self.thread = Thread(self.network, self.pid)
        self.reaper = Thread(self.network, self.pid)
        self.endpoints: dict[str, Socket] = {}
        self.early: dict[str, list[Callable[[Socket], None]]] = {}  # connections of places that nobody has bound
        self.sockets: dict[Socket, None] = {}
        self.closed = False
        self.network.contexts.setdefault(self.pid, []).append(self)

    def socket(self, kind: int) -> Socket:
        """Raises ZMQError: EMFILE."""
        if self.closed:
            raise ContextTerminated
        if not self.network.may_open(self.pid):
            raise ZMQError(errno.EMFILE)
        return self.network.socket_class(self, int(kind))

    def term(self) -> None:
        """Waits until all sockets are closed and have sent what they were to send."""
        self.closed = True
        self.network.kernel.wait(lambda: not self.sockets, None, (self,))
        self.thread.end()
        self.reaper.end()

    def destroy(self, linger: int | None = None) -> None:
        """Closes all sockets first."""
        for each in list(self.sockets):
            each.close(linger)
        self.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.destroy()


class Socket:
    """A socket: the calls of pyzmq that are used, and the thread that owns it."""

    def __init__(self, context: Context, kind: int) -> None:
        self.context = context
        self.kind = _KINDS[kind]
        self.options = Options()
        self.closed = False
        self._network = context.network
        self._pattern = self._make(kind)
        self.introduced = self._pattern.introduced
        self._mailbox: deque[Callable[[], None]] = deque()
        self._pipes: dict[Pipe, None] = {}
        self._children: dict[Owned, None] = {}
        self._endpoints: dict[str, Owned] = {}
        self._inproc: dict[str, list[Pipe]] = {}
        self._acks = 0
        self._terminating = False
        self._outgoing: list[bytes] = []
        self._target: object = None
        self._incoming: list[bytes] = []  # the rest of a message, the last frame first
        self._message = Message([])
        self._ticks = 0
        self._looked = -1.0
        self._monitor: Socket | None = None
        self._listener: Socket | None = None
        self._mask = 0
        self.on_command: Callable[[], None] | None = None
        context.sockets[self] = None

    def _make(self, kind: int) -> Pattern:
        abort = lambda reason: self._network.abort(self.context.pid, reason)  # noqa: E731
        if kind == zmq.ROUTER:
            return Router(self._network.first_number(), lambda: bool(self.options.mandatory), abort)
        if kind == zmq.REP:
            return Reply(self._network.first_number(), abort)
        return Dealer() if kind == zmq.DEALER else Pair()

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
            return {name: number for number, name in _KINDS.items()}[self.kind]
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
        try:
            listening = self._listen(endpoint)
        except OSError as error:
            raise ZMQError(error.errno) from error
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
        address = self._network.address(endpoint)
        if isinstance(address, str) and not address.startswith("\0"):
            try:
                os.unlink(address)
            except FileNotFoundError:
                pass
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(address)
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

        def join(peer: Socket) -> None:
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

    def _drop(self, endpoint: str) -> None:
        child = self._endpoints.pop(endpoint)
        if isinstance(child, Session) and child.pipe:
            child.pipe.peer.terminate(False)
        self.let_go(child)

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
            except Unsendable as error:
                raise _error(error.errno) from None

    def _begin(self, data: bytes, more: bool, now: bool) -> None:
        while True:
            try:
                self._target = self._pattern.begin(data, more)
                return
            except Unsendable as error:
                if error.errno != errno.EAGAIN or now or not self._wait(self.options.send_timeout):
                    raise _error(error.errno) from None

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
            except Unsendable as error:
                raise _error(error.errno) from None
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

    # --- the mailbox -------------------------------------------------------------------------------------------------

    def post(self, command: Callable[[], None]) -> None:
        """Takes a command of another thread, which is carried out at the owner's next call."""
        self._mailbox.append(command)
        if self.closed:
            self.context.reaper.post(self._work)
        elif self.on_command:
            self.on_command()
        else:
            self._network.kernel.wake(self)

    def _work(self) -> None:
        while self._mailbox:
            self._mailbox.popleft()()

    def _throttled(self) -> None:
        now = self._network.kernel.now()
        if now - self._looked > THROTTLE_S or self._network.kernel.random.random() >= LAZY:
            self._looked = now
            self._work()

    # --- pipes and children ------------------------------------------------------------------------------------------

    def attach(self, pipe: Pipe) -> None:
        """Takes a pipe."""
        pipe.sink = self
        self._pipes[pipe] = None
        self._pattern.attach(pipe)
        if self._terminating:
            self._acks += 1
            pipe.terminate(False)

    def read_activated(self, pipe: Pipe) -> None:
        self._pattern.read_activated(pipe)

    def write_activated(self, pipe: Pipe) -> None:
        self._pattern.write_activated(pipe)

    def terminated(self, pipe: Pipe) -> None:
        self._pattern.terminated(pipe)
        del self._pipes[pipe]
        if self._terminating:
            self._acknowledged()

    def own(self, child: Owned) -> None:
        """Takes a child that the I/O thread has made."""

        def take() -> None:
            self._children[child] = None
            if self._terminating:
                self.let_go(child)

        self.post(take)

    def drop(self, session: Session) -> None:
        """Gives up the place of a session, with all that was not read."""
        for endpoint, child in list(self._endpoints.items()):
            if child is session:
                self._drop(endpoint)

    def let_go(self, child: Owned) -> None:
        """Asks a child to leave."""
        if child in self._children:
            del self._children[child]
            self._acks += 1
            linger = self.options.linger
            self.context.thread.post(lambda: child.end(linger))

    def released(self, child: Owned) -> None:
        """Notes that a child has left."""
        self._acknowledged()

    def _acknowledged(self) -> None:
        self._acks -= 1
        self._settle()

    # --- the end -----------------------------------------------------------------------------------------------------

    def close(self, linger: int | None = None) -> None:
        """Closes it; messages sent are delivered within `linger` milliseconds, by the context's own threads."""
        if self.closed:
            return
        if linger is not None:
            self.options.linger = linger
        self.closed = True
        self.context.reaper.post(self._reap)

    def _reap(self) -> None:
        self._work()
        self._terminating = True
        for name, bound in list(self.context.endpoints.items()):
            if bound is self:
                del self.context.endpoints[name]
        for pipe in list(self._pipes):
            pipe.terminate(False)
        self._acks += len(self._pipes)
        for child in list(self._children):
            self.let_go(child)
        self._settle()

    def _settle(self) -> None:
        if self._terminating and self._acks == 0 and self in self.context.sockets:
            self._stop_monitor()
            del self.context.sockets[self]
            self._network.kernel.wake(self.context)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.close()

    # --- the monitor -------------------------------------------------------------------------------------------------

    def monitor(self, endpoint: str | None, events: int = int(zmq.EVENT_ALL)) -> None:
        """Has events told at `endpoint`; None for no more."""
        self._stop_monitor()
        if endpoint is None:
            return
        self._mask = int(events)
        self._monitor = Socket(self.context, int(zmq.PAIR))
        self._monitor.options.linger = 0
        self._monitor.on_command = self.context.thread.retry
        self._monitor.bind(endpoint)

    def get_monitor_socket(self, events: int | None = None, addr: str | None = None) -> Socket:
        """Returns a socket that hears of events."""
        if self._listener is None:
            endpoint = addr or f"inproc://monitor.s-{id(self)}"
            self.monitor(endpoint, int(zmq.EVENT_ALL) if events is None else int(events))
            self._listener = self.context.socket(zmq.PAIR)
            self._listener.connect(endpoint)
        return self._listener

    def disable_monitor(self) -> None:
        """Tells no more events."""
        self._listener = None
        self.monitor(None, 0)

    def _stop_monitor(self) -> None:
        monitor, self._monitor, mask = self._monitor, self._monitor, self._mask
        if monitor is None:
            return
        if mask & zmq.EVENT_MONITOR_STOPPED:
            self.event("MONITOR_STOPPED", 0, "")
        self._monitor, self._mask = None, 0
        monitor.on_command = None
        monitor.close()

    def event(self, name: str, value: int, endpoint: str) -> None:
        """Tells the monitor of an event; blocks the I/O thread while it has no room."""
        number = int(zmq.Event[name])
        monitor = self._monitor
        if monitor is None or not self._mask & number:
            return
        frames = [struct.pack("=HI", number, value & 0xFFFFFFFF), endpoint.encode()]

        def tell() -> bool:
            monitor._work()
            if monitor is not self._monitor:
                return True
            try:
                monitor._pattern.send(None, frames)
            except Unsendable:
                return False
            return True

        if not tell():
            self.context.thread.stall(tell)


def _option(option: int) -> property:
    return property(lambda self: self.get(option), lambda self, value: self.set(option, value))


for _name, _number in (("linger", zmq.LINGER), ("rcvtimeo", zmq.RCVTIMEO), ("sndtimeo", zmq.SNDTIMEO)):
    setattr(Socket, _name, _option(int(_number)))
    setattr(Socket, _name.upper(), _option(int(_number)))


class Poller:
    """Waits for sockets and descriptors."""

    network: Network

    def __init__(self) -> None:
        self._flags: dict[object, int] = {}

    def register(self, source: object, flags: int = int(zmq.POLLIN | zmq.POLLOUT)) -> None:
        """Watches a socket, or a descriptor; not, where `flags` is 0."""
        key = source if isinstance(source, Socket | int) else source.fileno()  # type: ignore[attr-defined]
        if flags:
            self._flags[key] = int(flags)
        else:
            self._flags.pop(key, None)

    modify = register

    def unregister(self, source: object) -> None:
        """Raises KeyError for one that is not watched."""
        del self._flags[source if isinstance(source, Socket | int) else source.fileno()]  # type: ignore[attr-defined]

    def poll(self, timeout: float | None = None) -> list[tuple[object, int]]:
        """Returns what can be read or written, within `timeout` milliseconds."""
        network = self.network
        network.preempt()
        events = self._look()
        if events or timeout == 0:
            return events
        seconds = None if timeout is None or timeout < 0 else int(timeout) / 1000

        def ready() -> bool:
            nonlocal events
            events = self._look()
            return bool(events)

        network.kernel.wait(ready, seconds, tuple(self._flags))
        return events

    def _look(self) -> list[tuple[object, int]]:
        events: list[tuple[object, int]] = []
        readable = self.network.kernel.readable
        for source, flags in self._flags.items():
            if isinstance(source, Socket):
                happened = (zmq.POLLIN if source.readable() else 0) if flags == zmq.POLLIN else source._events() & flags
            else:
                happened = flags if readable(source) else 0  # type: ignore[arg-type]
            if happened:
                events.append((source, int(happened)))
        return events
