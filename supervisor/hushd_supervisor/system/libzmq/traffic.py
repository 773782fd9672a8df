"""The bytes under way on each client's connection, and which connections to end for them.

libzmq queues what a client does not read, and the frames of a message until its last one, and names neither. But it
names the descriptor of each connection, of which the kernel says how much waits on either side.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import time
from collections.abc import Callable

from hushd_protocol.light_dataclass import dataclass

ENDLESS_LOOKS = 2  # during which bytes arrive, and no message in between: 128 KiB take a tenth of a millisecond
LOOK_S = 0.002  # of one look
WAITS = 4_096  # bytes unread of a client, up to which they may be whole requests that wait beside another's flood
FULL = 64_000  # bytes in the kernel's queue of 208 KiB: only then libzmq holds more than a moment's
WORTH = 1_000_000  # bytes under way below which nobody is greedy
_FIONREAD, _SIOCOUTQ = 0x541B, 0x5411  # Linux


@dataclass(slots=True)
class _Connection:
    inode: int
    sent: int = 0  # bytes since the kernel's queue was last seen with room
    messages: int = 0  # received since the last look
    received: int = 0  # their bytes
    recent: int = 0  # bytes between the last two looks
    endless: int = 0  # looks during which bytes arrived, since its last message


class Traffic:
    """Counts the bytes of each connection, by its descriptor.

    Args:
        unread, unsent: the bytes that the kernel holds from, and for, the client of a descriptor.
        inode: identifies the file behind a descriptor; 0 where there is none.
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
        """Notes a connection that was accepted."""
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
        """Notes that no whole message is left unread: bytes that are still coming belong to one without an end."""
        self._emptied = True

    def endless(self) -> list[int]:
        """Looks at all connections; returns those whose bytes arrived during two looks, and no whole message since."""
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

        Few bytes that wait are none that arrive: libzmq's thread is late with an innocent request beside a flood.
        """
        end, arriving, before = self._clock() + LOOK_S, set[int](), dict.fromkeys(silent, 0)
        while silent - arriving:
            unread = {descriptor: self._unread(descriptor) for descriptor in silent - arriving}
            arriving |= {d for d, size in unread.items() if size < before[d] or size > WAITS}
            before.update(unread)
            if self._clock() >= end:
                break
        return arriving

    def greediest(self) -> list[int]:
        """Returns the connection with the most bytes unread, else the one that has sent the most of late, if many."""
        for kind in ("sent", "recent"):
            amounts = {d: getattr(connection, kind) for d, connection in self._connections.items()}
            most = max(amounts, key=amounts.__getitem__, default=-1)
            if amounts.get(most, 0) >= WORTH:
                return [most]
        return []

    def end(self, descriptor: int) -> None:
        """Ends a connection from outside; libzmq notices, frees what it holds of it, and reports its end."""
        connection = self._connections.pop(descriptor, None)
        if connection is None:
            return
        try:
            ours = socket.socket(fileno=os.dup(descriptor))
        except OSError:
            return  # it has ended
        with ours:
            if self._inode(ours.fileno()) == connection.inode:  # no other file has got its descriptor
                try:
                    ours.shutdown(socket.SHUT_RDWR)
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
