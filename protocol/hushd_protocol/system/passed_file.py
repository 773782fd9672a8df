"""A file that a client names, opened by the supervisor and passed to a worker, which opens no path.

An open descriptor crosses a pair of Unix sockets, one end inherited by the worker (SCM_RIGHTS). The worker reads it as
its own file: with no copy, whatever its size, and from its end first, as a film's index needs.
"""

from __future__ import annotations

import os
import socket
import stat

from hushd_protocol.errors import HushdError

_CONTENT = b"."  # a descriptor cannot cross without a byte


def open_named(path: str, device: int, inode: int, size: int) -> int:
    """Returns a descriptor of the same file that the client named; the caller closes it.

    Raises `path_unreachable` if the path cannot be opened from here or is not the file that the client saw (PrivateTmp,
    a container); `input_unreadable` if it is not a regular file.
    """
    unreachable = HushdError("path_unreachable", f"The path {path} cannot be opened here.")
    try:
        # O_NONBLOCK: opening a FIFO must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise unreachable from error
    info = os.fstat(descriptor)
    # The size, too: an inode number is reused as soon as its file is deleted.
    if (info.st_dev, info.st_ino, info.st_size) != (device, inode, size):
        os.close(descriptor)
        raise unreachable
    if not stat.S_ISREG(info.st_mode):
        os.close(descriptor)
        raise HushdError("input_unreadable", f"{path} is not a regular file.")
    return descriptor


def pair() -> tuple[socket.socket, socket.socket]:
    """Returns the two ends of a way for files; neither waits."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


def send(end: socket.socket, descriptor: int) -> None:
    """Passes a descriptor, which the caller still closes. Raises OSError if the other end has not taken the last ones,
    or is closed."""
    socket.send_fds(end, [_CONTENT], [descriptor])


def receive(end: socket.socket) -> int | None:
    """Returns the descriptor of the next file that was passed, which the caller closes; None if there is none."""
    try:
        _, descriptors, _, _ = socket.recv_fds(end, len(_CONTENT), 1)
    except OSError:
        return None
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
        return descriptor
    return None
