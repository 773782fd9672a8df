"""Connections handed over from the supervisor's door to the gateway.

Each is one message on a pair of AF_UNIX sockets, the channel: the connection's descriptor (SCM_RIGHTS) and a `Handover`
as msgpack. The supervisor keeps both ends open and a gateway inherits one, so a connection that was sent but not
received when a gateway exits waits there for the next one. The channel ends for a gateway when the supervisor does.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import Literal

import msgpack

from hushd_protocol.light_dataclass import dataclass, values

MAX_MESSAGE_BYTES = 8192  # the door reads at most 4 KB of a connection, and the other fields are short
_INT = 4  # bytes in a descriptor
_PEEK = socket.MSG_PEEK if sys.platform == "linux" else 0  # a message that cannot be received whole stays
# macOS has no SOCK_SEQPACKET; there only the lifeline ends a gateway whose supervisor has died. Untested.
_TYPE = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM


@dataclass(frozen=True, slots=True)
class Handover:
    """A connection that the door accepted.

    Attributes:
        kind: the protocol of the listener that accepted it.
        listener: the address of that listener, as the configuration names it, such as `tcp://127.0.0.1:10300`.
        peer: the address of the program at the other end, such as `127.0.0.1`; empty for a socket in the file system.
        prefix: the bytes read from it so far.
    """

    kind: Literal["http", "wyoming"]
    listener: str
    peer: str
    prefix: bytes


def channel() -> tuple[socket.socket, socket.socket]:
    """Makes a channel: the door's end and the gateway's end, both non-blocking."""
    door_end, gateway_end = socket.socketpair(socket.AF_UNIX, _TYPE)
    door_end.setblocking(False)
    gateway_end.setblocking(False)
    return door_end, gateway_end


def send(end: socket.socket, connection: socket.socket, handover: Handover) -> None:
    """Sends a connection without waiting; the caller closes its own descriptor afterwards.

    Raises:
        BlockingIOError: the channel is full.
        OSError: the system allows no more descriptors in flight.
    """
    socket.send_fds(end, [msgpack.packb(values(handover))], [connection.fileno()])


def receive(end: socket.socket) -> tuple[socket.socket, Handover] | None:
    """Receives a connection without waiting; None at the end of the channel.

    Raises:
        BlockingIOError: there is none now.
        OSError: this process has no descriptor left for it. On Linux it stays in the channel; elsewhere it is closed.
    """
    # recv_fds does not pass on flags.
    message, carried, _, _ = end.recvmsg(MAX_MESSAGE_BYTES, socket.CMSG_LEN(_INT), _PEEK)
    if not message:
        return None
    if not carried:  # the kernel drops descriptors for which there is no room
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    if _PEEK:
        drop(end)
    connection = socket.socket(fileno=int.from_bytes(carried[0][2][:_INT], sys.byteorder))
    connection.setblocking(False)
    return connection, Handover(**msgpack.unpackb(message))


def drop(end: socket.socket) -> None:
    """Takes a message and drops its connection, which closes unless it is open elsewhere. Raises BlockingIOError."""
    end.recv(1)
