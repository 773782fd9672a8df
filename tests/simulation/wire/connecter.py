"""Makes the connection of a session, as often as it takes."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from simulation.kernel import Timer

from .engine import Engine

if TYPE_CHECKING:
    from .session import Session


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
            connection.connect(session.endpoint.removeprefix("ipc://"))
        except OSError:
            connection.close()
            session.event("CLOSED", descriptor, session.endpoint)
            self.wait()
            return
        engine = Engine(connection, session.endpoint, session.thread)
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
