"""Counts the unread bytes on each client's connection, and chooses the connections to end for them.

libzmq queues messages for a slow client, and the frames of a message until its last one, and reports neither. But it
reports the descriptor of each connection, and the kernel knows how many bytes wait on either side of it.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import time
from collections.abc import Callable

from hushd_protocol.light_dataclass import dataclass

ENDLESS_LOOKS = 2  # in which bytes arrive, without a message in between: 128 KiB take a tenth of a millisecond
LOOK_S = 0.002  # the length of a look
WAITS = 4_096  # unread bytes that may still be whole requests, waiting beside another client's flood
FULL = 64_000  # bytes in the kernel's queue of 208 KiB from which on libzmq's own queue grows too
WORTH = 1_000_000  # unread bytes from which on a client is greedy
_FIONREAD, _SIOCOUTQ = 0x541B, 0x5411  # Linux


@dataclass(slots=True)
class _Connection:
    inode: int
    sent: int = 0  # bytes sent since the kernel's queue last had room
    messages: int = 0  # received since the last look
    received: int = 0  # bytes of these messages
    recent: int = 0  # bytes received between the last two looks
    endless: int = 0  # looks during which bytes arrived, since its last message


class Traffic:
    """Counts the bytes of each connection, by its descriptor.

    Args:
        unread, unsent: return the bytes that the kernel holds from, and for, the client of a descriptor.
        inode: identifies the file behind a descriptor; 0 if there is none.
        clock: seconds.
    """

    def __init__(
        self,
        unread: Callable[[int], int] = lambda descriptor: _queued(descriptor, _FIONREAD),
        unsent: Callable[[int], int] = lambda descriptor: _queued(descriptor, _SIOCOUTQ),
        inode: Callable[[int], int] = lambda descriptor: _inode(descriptor),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._unread = unread
        self._unsent = unsent
        self._inode = inode
        self._clock = clock
        self._connections: dict[int, _Connection] = {}
        self._emptied = False

    def opened(self, descriptor: int) -> None:
        """Adds an accepted connection."""
        self._connections[descriptor] = _Connection(self._inode(descriptor))

    def closed(self, descriptor: int) -> None:
        """Forgets a connection."""
        self._connections.pop(descriptor, None)

    def received(self, descriptor: int, size: int) -> None:
        """Counts a message of a client."""
        if connection := self._connections.get(descriptor):
            connection.messages += 1
            connection.received += size

    def sent(self, descriptor: int, size: int) -> None:
        """Counts a message to a client."""
        if connection := self._connections.get(descriptor):
            connection.sent += size

    def emptied(self) -> None:
        """Notes that no whole message is left unread, so bytes that still arrive belong to an unfinished one."""
        self._emptied = True

    def endless(self) -> list[int]:
        """Looks at all connections; returns those on which bytes arrived in two looks, without a whole message."""
        silent = {d for d, connection in self._connections.items() if not connection.messages}
        arriving = self._arriving(silent) if self._emptied else set()
        for descriptor, connection in self._connections.items():
            if self._unsent(descriptor) < FULL:
                connection.sent = 0
            connection.endless = connection.endless + (descriptor in arriving) if descriptor in silent else 0
            connection.recent, connection.received, connection.messages = connection.received, 0, 0
        self._emptied = False
        return [d for d, connection in self._connections.items() if connection.endless >= ENDLESS_LOOKS]

    def _arriving(self, silent: set[int]) -> set[int]:
        """Watches connections for a moment, since libzmq empties the kernel's queue within microseconds.

        A few waiting bytes do not count: libzmq's thread may be late with an innocent request beside a flood.
        """
        end, arriving, last_sizes = self._clock() + LOOK_S, set[int](), dict.fromkeys(silent, 0)
        while silent - arriving:
            unread = {descriptor: self._unread(descriptor) for descriptor in silent - arriving}
            arriving |= {d for d, size in unread.items() if size < last_sizes[d] or size > WAITS}
            last_sizes.update(unread)
            if self._clock() >= end:
                break
        return arriving

    def greediest(self) -> list[int]:
        """Returns the connection with the most unread bytes, or the most recent bytes, if they are at least WORTH."""
        for kind in ("sent", "recent"):
            amounts = {d: getattr(connection, kind) for d, connection in self._connections.items()}
            greediest = max(amounts, key=amounts.__getitem__, default=-1)
            if amounts.get(greediest, 0) >= WORTH:
                return [greediest]
        return []

    def end(self, descriptor: int) -> None:
        """Shuts a connection down from outside; libzmq notices, frees its queues, and reports its end."""
        connection = self._connections.pop(descriptor, None)
        if connection is None:
            return
        try:
            duplicate = socket.socket(fileno=os.dup(descriptor))
        except OSError:
            return  # the connection has ended
        with duplicate:
            if self._inode(duplicate.fileno()) == connection.inode:  # the descriptor was not reused
                try:
                    duplicate.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def _queued(descriptor: int, what: int) -> int:
    try:
        (size,) = struct.unpack("i", fcntl.ioctl(descriptor, what, bytes(4)))
    except OSError:
        return 0
    return int(size)


def _inode(descriptor: int) -> int:
    try:
        return os.fstat(descriptor).st_ino
    except OSError:
        return 0
