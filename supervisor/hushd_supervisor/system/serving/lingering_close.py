"""Closes refused connections slowly: closing one with unread bytes would discard its answer.

So the answer is sent, and incoming bytes are discarded for a moment, or until the program closes the connection.
"""

from __future__ import annotations

import math
import selectors
import socket

LINGER_S = 5.0
_READ_BYTES = 65536


class LingeringClose:
    """The refused connections that are not closed yet.

    Args:
        selector: watches them, with this object as its data.
        max_connections: the maximum; beyond it the oldest is closed.
    """

    def __init__(self, selector: selectors.BaseSelector, max_connections: int) -> None:
        self._selector = selector
        self._max_connections = max_connections
        self._all: dict[socket.socket, float] = {}  # when to close each, the oldest first

    def add(self, connection: socket.socket, answer: bytes, now: float) -> None:
        """Sends the answer and takes the connection, which must not be in the selector; closes it if that fails."""
        try:
            while answer:  # a socket may take a part of it
                answer = answer[connection.send(answer) :]
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            connection.close()
            return
        if len(self._all) >= self._max_connections:
            self._close(next(iter(self._all)))
        self._selector.register(connection, selectors.EVENT_READ, self)
        self._all[connection] = now + LINGER_S

    def read(self, connection: socket.socket) -> None:
        """Reads and discards bytes; closes the connection at their end."""
        try:
            if not connection.recv(_READ_BYTES):
                self._close(connection)
        except BlockingIOError:
            pass
        except OSError:
            self._close(connection)

    def deadline(self) -> float:
        """The time at which `on_time` is due."""
        return next(iter(self._all.values()), math.inf)

    def on_time(self, now: float) -> None:
        """Closes the connections whose time is up."""
        while self._all and self.deadline() <= now:
            self._close(next(iter(self._all)))

    def close(self) -> None:
        """Closes all connections."""
        self.on_time(math.inf)

    def _close(self, connection: socket.socket) -> None:
        del self._all[connection]
        self._selector.unregister(connection)
        connection.close()
