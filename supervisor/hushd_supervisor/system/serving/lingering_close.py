"""Refused connections, whose programs may still send: bytes that nobody has read would discard the answer.


So the answer is sent, and what comes is thrown away for a moment, or until the program has read why and leaves.
"""

from __future__ import annotations

import math
import selectors
import socket

LINGER_S = 5.0
_PIECE = 65536


class LingeringClose:
    """The refused connections that are not closed yet.

    Args:
        selector: watches them, with this object as its data.
        most: at once; the oldest makes room.
    """

    def __init__(self, selector: selectors.BaseSelector, most: int) -> None:
        self._selector = selector
        self._most = most
        self._all: dict[socket.socket, float] = {}  # when each is closed, the oldest first

    def add(self, connection: socket.socket, answer: bytes, now: float) -> None:
        """Sends as much of the answer as fits, and takes the connection, which is in no selector."""
        try:
            while answer:  # of which a socket may take a part
                answer = answer[connection.send(answer) :]
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            connection.close()
            return
        if len(self._all) >= self._most:
            self._close(next(iter(self._all)))
        self._selector.register(connection, selectors.EVENT_READ, self)
        self._all[connection] = now + LINGER_S

    def read(self, connection: socket.socket) -> None:
        """Throws away what has come."""
        try:
            if not connection.recv(_PIECE):
                self._close(connection)
        except BlockingIOError:
            pass
        except OSError:
            self._close(connection)

    def deadline(self) -> float:
        """The time at which `on_time` is due."""
        return next(iter(self._all.values()), math.inf)

    def on_time(self, now: float) -> None:
        """Closes those that have had their time."""
        while self._all and self.deadline() <= now:
            self._close(next(iter(self._all)))

    def close(self) -> None:
        """Closes all."""
        self.on_time(math.inf)

    def _close(self, connection: socket.socket) -> None:
        del self._all[connection]
        self._selector.unregister(connection)
        connection.close()
