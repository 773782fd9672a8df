"""A socket's parts in its I/O thread: sessions, of which each outlives its connections, connecters and listeners."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from simulation.kernel import Timer

from .engine import Engine
from .mechanism import CurveClient, CurveServer, Mechanism, Refused, Status
from .pipe import Message, Pipe, pair

if TYPE_CHECKING:
    from .sockets import Socket

ZAP = "inproc://zeromq.zap.01"


class Owned(Protocol):
    """A part that a socket asks to leave when it is closed; it answers by `Socket.released`."""

    def end(self, linger: int) -> None: ...


class Session:
    """Carries messages between a socket's pipe and a connection, which it makes anew where it was the one to connect.

    Args:
        active: whether we connect.
        endpoint: that of the other side.
    """

    def __init__(self, owner: Socket, active: bool, endpoint: str) -> None:
        self.owner = owner
        self.thread = owner.context.thread
        self.options = replace(owner.options)
        self.endpoint = endpoint
        self._active = active
        self._engine: Engine | None = None
        self._connecter: Connecter | None = None
        self.pipe: Pipe | None = None
        self._zap: Pipe | None = None
        self._pending = False  # it leaves once its pipes have
        self._leaving = False
        self._gone = False
        self._linger: Timer | None = None

    # --- for the engine ----------------------------------------------------------------------------------------------

    def event(self, name: str, value: int, endpoint: str) -> None:
        """Tells the monitor."""
        self.owner.event(name, value, endpoint)

    def mechanism(self) -> Mechanism:
        """Makes the handshake of a connection."""
        options = self.options
        if options.curve_server:
            public = self.owner.context.network.public_of(options.curve_secret)
            return CurveServer(self.owner.kind, options.route, public, self._ask, bool(options.zap_enforced))
        if options.curve_other:
            return CurveClient(self.owner.kind, options.route, options.curve_public, options.curve_other)
        return Mechanism(self.owner.kind, options.route)

    def has_room(self) -> bool:
        """Returns whether the socket takes another message."""
        return self.pipe is not None and self.pipe.check_write()

    def push(self, message: Message) -> None:
        """Passes a message to the socket."""
        assert self.pipe
        self.pipe.write(message)

    def flush(self) -> None:
        """Lets the socket see the messages passed to it."""
        if self.pipe:
            self.pipe.flush()

    def pull(self) -> Message | None:
        """Takes a message to be sent."""
        return self.pipe.take() if self.pipe else None

    def count(self, message: Message) -> None:
        """Gives the socket the credit of a message that was sent."""
        if self.pipe:
            self.pipe.count(message)

    def engine_ready(self, route: bytes) -> None:
        """Gives the socket a pipe, if it has none, and the peer's routing id where it wants it."""
        if self.pipe is None and not self._leaving:
            options = self.options
            ours, theirs = pair(self.thread, self.owner, options.receive_high, options.send_high)
            ours.sink = self
            self.pipe = ours
            self.owner.post(lambda: self.owner.attach(theirs))
        if self.owner.introduced and self.pipe and self.pipe.check_write():
            self.pipe.write(Message([route], introduces=True))
            self.flush()

    def engine_failed(self, reason: str) -> None:
        """Notes that the engine has ended; connects anew, or leaves."""
        self._engine = None
        if self.pipe:
            self.pipe.flush()
        if reason != "protocol" and self._active:
            self._reconnect()
        elif self._pending:
            for pipe in filter(None, (self.pipe, self._zap)):
                pipe.terminate(False)
        else:
            self.leave()
        if self.pipe:
            self.pipe.check_read()
        if self._zap:
            self._zap.check_read()

    # --- connecting --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Connects."""
        if self._active and not self._leaving:
            self._connecter = Connecter(self)
            self._connecter.connect()

    def attach(self, engine: Engine) -> None:
        """Takes a connection."""
        self._connecter = None
        if self._leaving and not self._pending:
            engine.connection.close()
            return
        self._engine = engine
        engine.plug(self)

    def _reconnect(self) -> None:
        if self.options.reconnect_ivl > 0:
            if not self._leaving or self._pending:
                self._connecter = Connecter(self)
                self._connecter.wait()
        else:
            self.owner.post(lambda: self.owner.drop(self))

    # --- the pipes' events -------------------------------------------------------------------------------------------

    def read_activated(self, pipe: Pipe) -> None:
        """Sends what the socket, or the authenticator, has said."""
        if pipe is self._zap:
            self._judged()
        elif self._engine is None:
            pipe.check_read()
        else:
            self._engine.restart_output()

    def write_activated(self, pipe: Pipe) -> None:
        """Reads on."""
        if self._engine and pipe is self.pipe:
            self._engine.restart_input()

    def terminated(self, pipe: Pipe) -> None:
        """Lets go of a pipe."""
        if pipe is self.pipe:
            self.pipe = None
            if self._linger:
                self._linger.cancel()
        elif pipe is self._zap:
            self._zap = None
        if self._pending and not self.pipe and not self._zap:
            self._pending = False
            self._finish()

    # --- the authenticator -------------------------------------------------------------------------------------------

    def _ask(self, key: bytes) -> bool:
        judge = self.owner.context.endpoints.get(ZAP)
        if judge is None:
            return False
        if self._zap is None:
            ours, theirs = pair(self.thread, judge, 0, 0)
            ours.sink = self
            ours.patient = False
            self._zap = ours
            judge.post(lambda: judge.attach(theirs))
            ours.write(Message([b""], introduces=True))
        address = self._engine.peer_address() if self._engine else b""
        options = self.options
        self._zap.write(Message([b"", b"1.0", b"1", options.zap_domain, address, options.route, b"CURVE", key]))
        self._zap.flush()
        return True

    def _judged(self) -> None:
        engine = self._engine
        if self._zap is None or engine is None or not isinstance(engine.mechanism, CurveServer):
            return
        answer = self._zap.read()
        if answer is None:
            return
        if engine.mechanism.status is not Status.GOING_ON:
            return
        try:
            status = answer.frames[3].decode()
            if status != "200":
                self.event("HANDSHAKE_FAILED_AUTH", int(status), engine.endpoint)
            engine.mechanism.judged(status, answer.frames[5].decode())
            engine.restart_output()
        except Refused:
            engine.fail("protocol", errno.EPROTO)

    # --- the end -----------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Asks the socket to be let go, which asks `end` of us in turn."""
        if not self._leaving:
            self.owner.post(lambda: self.owner.let_go(self))

    def end(self, linger: int) -> None:
        """Leaves once everything was sent, after `linger` milliseconds at most."""
        if self._gone or self._pending:
            return
        self._leaving = True
        if not self.pipe and not self._zap:
            self._finish()
            return
        self._pending = True
        if self.pipe:
            if linger > 0:
                self._linger = self.thread.later(linger / 1000, self._expired)
            self.pipe.terminate(linger != 0)
            if not self._engine:
                self.pipe.check_read()
        if self._zap:
            self._zap.terminate(False)

    def _expired(self) -> None:
        if self.pipe:
            self.pipe.terminate(False)

    def _finish(self) -> None:
        self._gone = True
        if self._engine:
            self._engine.unplug()
            self._engine = None
        if self._connecter:
            self._connecter.cancel()
            self._connecter = None
        self.owner.post(lambda: self.owner.released(self))


class Connecter:
    """Makes a session's connection, as often as it takes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._interval = session.options.reconnect_ivl
        self._timer: Timer | None = None
        self._over = False

    def connect(self) -> None:
        """Tries once."""
        if self._over:
            return
        session = self._session
        network = session.thread.network
        if not network.may_open(session.thread.pid):
            self.wait()
            return
        connection = socket.socket(socket.AF_UNIX)
        connection.setblocking(False)
        descriptor = connection.fileno()
        try:
            connection.connect(network.address(session.endpoint))
        except OSError:
            connection.close()
            session.event("CLOSED", descriptor, session.endpoint)
            self.wait()
            return
        engine = Engine(connection, session.endpoint, session.thread.pid)
        session.thread.post(lambda: session.attach(engine))
        session.event("CONNECTED", descriptor, session.endpoint)

    def wait(self) -> None:
        """Tries again after the interval of reconnection, if there is one."""
        options = self._session.options
        if options.reconnect_ivl == -1:
            return
        chance = self._session.thread.network.kernel.random
        interval = self._interval + (chance.randrange(options.reconnect_ivl) if options.reconnect_ivl else 0)
        if options.reconnect_ivl_max > options.reconnect_ivl:
            self._interval = min(2 * self._interval, options.reconnect_ivl_max)
        self._timer = self._session.thread.later(interval / 1000, self.connect)
        self._session.event("CONNECT_RETRIED", interval, self._session.endpoint)

    def cancel(self) -> None:
        """Gives up."""
        self._over = True
        if self._timer:
            self._timer.cancel()


class Listener:
    """Accepts the connections of a listening socket."""

    listening = True

    def __init__(self, owner: Socket, endpoint: str, listening: socket.socket) -> None:
        self._owner = owner
        self.pid = owner.context.pid
        self.endpoint = endpoint
        self.connection = listening
        self.descriptor = listening.fileno()
        self._noted = False
        self._watched = False
        self._over = False

    def start(self) -> None:
        """Begins to accept."""
        if not self._over:
            self._watched = True
            self._owner.context.network.watch(self)

    def note(self, hung_up: bool, writable: bool) -> None:
        """Has the thread look at the descriptor, as epoll reports it."""
        if not self._noted:
            self._noted = True
            self._owner.context.thread.post(self._accept)

    def _accept(self) -> None:
        self._noted = False
        if self._over:
            return
        context = self._owner.context
        if not context.network.may_open(context.pid):
            context.network.abort(context.pid, "Too many open files (ipc_listener.cpp)")
            return
        try:
            connection, _ = self.connection.accept()
        except BlockingIOError as error:
            self._owner.event("ACCEPT_FAILED", error.errno or 0, self.endpoint)
            return
        except OSError as error:
            context.network.abort(context.pid, f"{os.strerror(error.errno or 0)} (ipc_listener.cpp)")
            return
        connection.setblocking(False)
        engine = Engine(connection, self.endpoint, context.pid)
        session = Session(self._owner, False, self.endpoint)
        self._owner.own(session)
        context.thread.post(lambda: session.attach(engine))
        self._owner.event("ACCEPTED", engine.descriptor, self.endpoint)

    def abandon(self) -> None:
        """Closes the socket, as the end of its process does."""
        if not self._over:
            self._over = True
            if self._watched:
                self._owner.context.network.unwatch(self)
            self.connection.close()

    def end(self, linger: int) -> None:
        """Accepts no more."""
        if not self._over:
            self.abandon()
            self._owner.event("CLOSED", self.descriptor, self.endpoint)
            self._owner.post(lambda: self._owner.released(self))
