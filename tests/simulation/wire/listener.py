"""Accepts connections, and owns their sessions."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from .engine import Engine
from .session import Owned, Session

if TYPE_CHECKING:
    from .core import Core


class Listener:
    """Accepts the connections of a listening socket."""

    listening = True

    def __init__(self, owner: Core, endpoint: str, listening: socket.socket) -> None:
        self._owner = owner
        self.pid = owner.context.pid
        self.endpoint = endpoint
        self.connection = listening
        self.descriptor = listening.fileno()
        owner.context.network.parts[self] = None
        self._noted = False
        self._watched = False
        self._over = False
        self._children: dict[Owned, None] = {}
        self._acks = 0
        self._linger = owner.options.linger

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
        engine = Engine(connection, self.endpoint, context.thread)
        session = Session(self._owner, False, self.endpoint, self)
        self._children[session] = None
        context.thread.post(lambda: session.attach(engine))
        self._owner.event("ACCEPTED", engine.descriptor, self.endpoint)

    def abandon(self) -> None:
        """Closes the socket, as the end of its process does."""
        if not self._over:
            self._over = True
            network = self._owner.context.network
            if self._watched:
                network.unwatch(self)
            self.connection.close()
            network.parts.pop(self, None)

    def end(self, linger: int) -> None:
        """Accepts no more."""
        if not self._over:
            self.abandon()
            self._owner.event("CLOSED", self.descriptor, self.endpoint)
            self._linger = linger
            for child in list(self._children):
                self.let_go(child)
            self._settle()

    def post(self, command: Callable[[], None]) -> None:
        """Takes a command of a session."""
        self._owner.context.thread.post(command)

    def let_go(self, child: Owned) -> None:
        """Asks a session to leave."""
        if child in self._children:
            del self._children[child]
            self._acks += 1
            linger = self._linger
            self.post(lambda: child.end(linger))

    def released(self, child: Owned) -> None:
        """Notes that a session has left."""
        self._acks -= 1
        self._settle()

    def _settle(self) -> None:
        if self._over and self._acks == 0:
            self._owner.post(lambda: self._owner.released(self))
