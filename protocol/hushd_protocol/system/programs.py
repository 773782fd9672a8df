"""The programs at the other ends of local connections, as far as the kernel reports them (Linux).

All programs connect from 127.0.0.1, so a limit for each address would let one of them shut out the others.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

SEARCH_S = 0.25  # between two searches of all processes: each takes some milliseconds
_KNOWN = 16  # recently found processes, which are searched first
_SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST = 20, 1
_ANY = 0xFFFFFFFF  # state, or cookie
_TCP = 6
_UID_AND_INODE = struct.Struct("=II")
_PLACE = 16 + 64  # of user and inode in the answer

Ends = tuple[Any, Any]  # addresses of the other end and of ours, as from `getpeername` and `getsockname`
_CREDENTIALS = struct.Struct("=3i")  # process, user and group of the other end of a local socket


class Programs:
    """Finds the programs of connections.

    Args:
        clock: the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: list[str] = []  # the most recently found first
        self._again = 0.0

    def find(self, connections: Sequence[socket.socket]) -> list[str]:
        """The process of each connection, `user UID` if its processes cannot be searched, empty if unknown now."""
        names = self.find_by_ends([_ends(connection) for connection in connections])
        return [_process(connection) or name for connection, name in zip(connections, names, strict=True)]

    def find_by_ends(self, connections: Sequence[Ends]) -> list[str]:
        """The same, from the addresses of each connection."""
        owners = _owners(connections)
        sockets = {f"socket:[{inode}]" for _, inode in owners if inode}
        processes: dict[str, str] = {}
        self._search(self._known, sockets, processes)
        if searched := bool(sockets - processes.keys()) and self._clock() >= self._again:
            self._search(_processes(), sockets, processes)
            self._again = self._clock() + SEARCH_S
        latest = dict.fromkeys(processes.values())
        self._known = list(latest | dict.fromkeys(self._known))[:_KNOWN]
        return [
            processes.get(f"socket:[{inode}]", f"user {user}" if searched and inode else "") for user, inode in owners
        ]

    def _search(self, pids: Iterable[str], sockets: set[str], names: dict[str, str]) -> None:
        for pid in pids:
            if sockets <= names.keys():
                return
            with suppress(OSError):  # the process has ended, or is another user's
                for descriptor in os.listdir(f"/proc/{pid}/fd"):
                    with suppress(OSError):
                        name = os.readlink(f"/proc/{pid}/fd/{descriptor}")
                        if name in sockets:
                            names.setdefault(name, pid)


def user(peer: Any, local: Any) -> int | None:
    """Returns the user id of a TCP connection's other end; None if the kernel does not report it."""
    ((owner, inode),) = _owners([(peer, local)])
    return owner if inode else None


def _ends(connection: socket.socket) -> Ends:
    try:
        return connection.getpeername(), connection.getsockname()
    except OSError:
        return (), ()  # the program has left


def _process(connection: socket.socket) -> str:
    """The process at the other end of a local socket; empty for others."""
    if connection.family != socket.AF_UNIX:
        return ""
    try:
        data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        return str(_CREDENTIALS.unpack(data)[0])
    except (OSError, AttributeError):
        return ""


def _processes() -> Iterator[str]:
    with suppress(OSError):
        yield from sorted(filter(str.isdigit, os.listdir("/proc")), key=int, reverse=True)


def _owners(connections: Sequence[Ends]) -> list[tuple[int, int]]:
    """The user and inode of the socket at each other end; zeros if the kernel does not report them."""
    owners = [(0, 0)] * len(connections)
    with suppress(OSError, AttributeError), _diagnosis() as kernel:
        for number, (peer, local) in enumerate(connections):
            with suppress(OSError, ValueError, LookupError, TypeError, struct.error):
                kernel.send(_question(peer, local))
                answer = kernel.recv(4096)
                if answer[4:6] == struct.pack("=H", _SOCK_DIAG_BY_FAMILY):
                    owners[number] = _UID_AND_INODE.unpack_from(answer, _PLACE)
    return owners


def _diagnosis() -> socket.socket:
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)  # NETLINK_SOCK_DIAG
    kernel.settimeout(0.1)
    return kernel


def _question(peer: Any, local: Any) -> bytes:
    """The query for the socket whose local end is `peer`; see sock_diag(7)."""
    hosts = [host.removeprefix("::ffff:").partition("%")[0] for host in (peer[0], local[0])]
    family = socket.AF_INET6 if ":" in hosts[0] else socket.AF_INET
    packed = [socket.inet_pton(family, host).ljust(16, b"\0") for host in hosts]
    body = struct.pack("=BBBBI", family, _TCP, 0, 0, _ANY) + struct.pack("!HH", peer[1], local[1])
    body += packed[0] + packed[1] + struct.pack("=III", 0, _ANY, _ANY)
    return struct.pack("=IHHII", 16 + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0) + body
