"""The programs that call the gateway: whose they are, by the kernel's tables, and the client that asks for one of them.

On Linux both ends of a connection within this machine are in /proc/self/net/tcp, each with its user and its inode.
"""

from __future__ import annotations

import os
import sys
import zlib
from ipaddress import ip_address
from typing import Any

from hushd import AsyncClient
from hushd.aio.call import AsyncCall
from hushd_protocol import hosts
from hushd_protocol.messages import Chunk, Credit, Message, Request
from msgspec.structs import replace

Address = tuple[str, int]
_LISTENS = "0A"
_MAPPED = bytes(10) + b"\xff\xff"  # prefix of an IPv4 address as an IPv6 socket has it
_known: list[int] = []  # processes that have called, the last one first
_MAX_KNOWN = 8


class PacedCall(AsyncCall):
    """Grants a chunk for each that is taken: a program that does not read pauses its job, and nothing is stored."""

    async def next_message(self) -> Message:
        message = await super().next_message()
        if isinstance(message, Chunk):
            self._post(Credit(id=self.id, chunks=1))
        return message

    def _grant(self) -> None:
        """Grants nothing yet."""


class CallerClient(AsyncClient):
    """Asks for one of the gateway's callers, on the connection of all."""

    calls = PacedCall
    caller, program = 0, ""

    @classmethod
    def of(cls, client: AsyncClient, peer: Address | None, here: Address | None) -> CallerClient:
        """Returns the client for the program at the other end of a connection; see `owner`."""
        own = cls.on(client.link, None)
        own._preparation = client._preparation  # noqa: SLF001 - what is known of engines serves all callers
        own.caller, own.program = _named(peer, here) if peer and here else (0, "")
        return own

    def _send(self, request: Request, *arguments: Any) -> Any:
        return super()._send(replace(request, caller=self.caller, program=self.program), *arguments)


def owner(peer: Address, here: Address) -> tuple[int, str]:
    """Returns the user and the inode of the socket at the other end of a connection.
    Raises LookupError if no process of this machine has the socket, or not any more; OSError if the kernel has no such
    table, or not that of the network where we listen.

    Args:
        peer, here: the addresses of that end and of ours.
    """
    peers, heres, listens = _rows(*peer), _rows(*here), False
    for table in ("tcp", "tcp6"):
        with open(f"/proc/self/net/{table}", encoding="ascii") as file:
            for words in map(str.split, file):
                if words[1] in peers and words[2] in heres and words[9] != "0":  # a closed socket has no user
                    return int(words[7]), words[9]
                listens |= words[3] == _LISTENS and words[1].endswith(f":{here[1]:04X}")
    raise LookupError if listens else OSError


def is_ours(peer: Address | None, here: Address | None) -> bool:
    """Returns whether a program at the other end of a connection is this user's, or the machine's administrator's.

    Where the kernel has no table, as on macOS, every program of this machine counts as ours. A socket in the file
    system has no addresses, and is this user's alone.
    """
    if peer is None or here is None:
        return True
    try:
        return owner(peer, here)[0] in (0, os.getuid())
    except LookupError:
        return False
    except OSError:
        return hosts.is_loopback(peer[0])


def _rows(host: str, port: int) -> set[str]:
    """Returns an address as the tables may have it: in words of the machine's byte order."""
    packed = ip_address(host.partition("%")[0]).packed.removeprefix(_MAPPED)
    forms = (packed, _MAPPED + packed) if len(packed) == 4 else (packed,)
    words = ([int.from_bytes(form[at : at + 4], sys.byteorder) for at in range(0, len(form), 4)] for form in forms)
    return {"".join(f"{word:08X}" for word in form) + f":{port:04X}" for form in words}


def _named(peer: Address, here: Address) -> tuple[int, str]:
    """Returns the number of a caller, and the name for people: a process of this user, another user of this machine, or
    another machine."""
    try:
        user, inode = owner(peer, here)
        pid = _process(inode)
        key, program = f"process {pid} of {user}", _command(pid) or f"user {user}"
    except LookupError:
        key = program = peer[0]
    except (OSError, ValueError):  # not Linux: each connection by itself
        key, program = str(peer), peer[0]
    return zlib.crc32(key.encode()), program


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", errors="replace") as file:
            return file.read().strip()
    except OSError:  # it has ended, or is another user's
        return ""


def _process(inode: str) -> int:
    """Returns the process of this user that has a socket, the newest of several; 0 if none is seen."""
    running = sorted((int(name) for name in os.listdir("/proc") if name.isdigit()), reverse=True)
    for pid in (*_known, *running):
        try:
            descriptors = os.listdir(f"/proc/{pid}/fd")
        except OSError:  # it has ended, or is another user's
            continue
        if any(_target(f"/proc/{pid}/fd/{each}") == f"socket:[{inode}]" for each in descriptors):
            _known[:] = [pid, *(each for each in _known if each != pid)][:_MAX_KNOWN]
            return pid
    return 0


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:  # closed meanwhile
        return ""
