"""Sessions: the part of a socket in its I/O thread that outlives a connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from simulation.kernel import Timer

from .connecter import Connecter
from .engine import Engine
from .mechanism import Mechanism
from .pipe import Message, Pipe, pair

if TYPE_CHECKING:
    from .core import Core


class Owned(Protocol):
    """A part that a socket asks to leave when it is closed; it answers by `Socket.released`."""

    def end(self, linger: int) -> None: ...


class Parent(Protocol):
    """The socket or listener that has made a part, and that it must not outlive."""

    def post(self, command: Callable[[], None]) -> None: ...
    def let_go(self, child: Owned) -> None: ...
    def released(self, child: Owned) -> None: ...


class Session:
    """Carries messages between a socket's pipe and a connection, which it makes anew where it was the one to connect.

    Args:
        active: whether we connect.
        endpoint: that of the other side.
        listener: has accepted the connection.
    """

    def __init__(self, owner: Core, active: bool, endpoint: str, listener: Parent | None = None) -> None:
        self.owner = owner
        self._parent: Parent = listener or owner
        self.thread = owner.context.thread
        self.options = replace(owner.options)
        self.endpoint = endpoint
        self._active = active
        self._engine: Engine | None = None
        self._connecter: Connecter | None = None
        self.pipe: Pipe | None = None
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
        return Mechanism(self.owner.kind, self.options.route)

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

    def engine_ready(self) -> None:
        """Gives the socket a pipe, if it has none."""
        if self.pipe is None and not self._leaving:
            options = self.options
            ours, theirs = pair(self.thread, self.owner, options.receive_high, options.send_high)
            ours.sink = self
            self.pipe = ours
            self.owner.post(lambda: self.owner.attach(theirs))

    def introduce(self, route: bytes) -> None:
        """Gives the socket the peer's routing id, where it wants it."""
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
            if self.pipe:
                self.pipe.terminate(False)
        else:
            self.leave()
        if self.pipe:
            self.pipe.check_read()

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
            engine.unplug()
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
        """Sends the messages of the socket."""
        if self._engine is None:
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
        if self._pending and not self.pipe:
            self._pending = False
            self._finish()

    # --- the end -----------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Asks the parent to be let go, which asks `end` of us in turn."""
        if not self._leaving:
            self._parent.post(lambda: self._parent.let_go(self))

    def end(self, linger: int) -> None:
        """Leaves once everything was sent, after `linger` milliseconds at most."""
        if self._gone or self._pending:
            return
        self._leaving = True
        if not self.pipe:
            self._finish()
            return
        self._pending = True
        if linger > 0:
            self._linger = self.thread.later(linger / 1000, self._expired)
        self.pipe.terminate(linger != 0)
        if not self._engine:
            self.pipe.check_read()

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
        self._parent.post(lambda: self._parent.released(self))
