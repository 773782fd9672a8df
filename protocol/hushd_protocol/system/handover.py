"""Connections on their way from the supervisor's door to the gateway.

Each is one message on a pair of AF_UNIX sockets, the channel: the connection's descriptor (SCM_RIGHTS) and a `Handover`
as msgpack. The supervisor keeps both ends open and a gateway inherits one, so what was sent but not received when a
gateway exits waits there for the next one. The channel ends for a gateway when the supervisor does.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import Literal

import msgpack

from hushd_protocol.light_dataclass import dataclass, values

LARGEST = 8192  # bytes of a message: what the door reads of a connection, 4 KB at most, and some words
_INT = 4  # bytes of a descriptor
_PEEK = socket.MSG_PEEK if sys.platform == "linux" else 0  # a message that cannot be taken whole stays
# macOS has no SOCK_SEQPACKET; there only the lifeline ends a gateway whose supervisor is dead. Untested.
_TYPE = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM


@dataclass(frozen=True, slots=True)
class Handover:
    """A connection that somebody else accepted.

    Attributes:
        kind: the protocol of the listener that accepted it.
        listener: the address of that listener, as the configuration names it, such as `tcp://127.0.0.1:10300`.
        peer: the address of the program at the other end, such as `127.0.0.1`; empty for a socket in the file system.
        prefix: all that was read from it so far.
    """

    kind: Literal["http", "wyoming"]
    listener: str
    peer: str
    prefix: bytes


def channel() -> tuple[socket.socket, socket.socket]:
    """Makes a channel: the door's end and the gateway's, neither of which blocks."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, _TYPE)
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


def send(end: socket.socket, connection: socket.socket, handover: Handover) -> None:
    """Sends a connection without waiting; the caller closes its own descriptor afterwards.

    Raises:
        BlockingIOError: the channel is full.
        OSError: the system allows no more descriptors under way.
    """
    socket.send_fds(end, [msgpack.packb(values(handover))], [connection.fileno()])


def receive(end: socket.socket) -> tuple[socket.socket, Handover] | None:
    """Receives a connection, which never blocks; None at the end of the channel.

    Raises:
        BlockingIOError: there is none now.
        OSError: this process has no descriptor left for it. On Linux it stays in the channel; elsewhere it is closed.
    """
    message, carried, _, _ = end.recvmsg(LARGEST, socket.CMSG_LEN(_INT), _PEEK)  # recv_fds passes no flags on
    if not message:
        return None
    if not carried:  # the kernel leaves out those that there is no room for
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    if _PEEK:
        drop(end)
    connection = socket.socket(fileno=int.from_bytes(carried[0][2][:_INT], sys.byteorder))
    connection.setblocking(False)
    return connection, Handover(**msgpack.unpackb(message))


def drop(end: socket.socket) -> None:
    """Takes a message, without the connection: it closes, unless somebody else has it open. Raises BlockingIOError."""
    end.recv(1)
