"""A file that a client names, opened by the supervisor and passed to a worker, which opens no path.

An open descriptor crosses a pair of Unix sockets, one end inherited by the worker (SCM_RIGHTS). The worker reads it as
its own file: with no copy, whatever its size, and from its end first, as a film's index needs.
"""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from hushd_protocol.errors import HushdError

OPEN_TIMEOUT_S = 0.25  # seconds for a file to open; its client then sends the bytes instead
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


class Opener:
    """Opens files for a loop that may not wait, on one thread: a file system that does not answer, such as that of a
    lost server, costs it `OPEN_TIMEOUT_S`, and then nothing until that file has opened.

    Args:
        open_file: `open_named`.
    """

    def __init__(self, open_file: Callable[[str, int, int, int], int] = open_named) -> None:
        self._open = open_file
        self._thread: threading.Thread | None = None
        self._asked: SimpleQueue[tuple[str, int, int, int]] = SimpleQueue()
        self._opened: SimpleQueue[int | HushdError] = SimpleQueue()
        self._late = False  # whether the last file's caller has gone on without it

    def __call__(self, path: str, device: int, inode: int, size: int) -> int:
        """Returns what `open_named` does, and raises what that does; `path_unreachable` for a file that does not open
        in time, and where the system has no thread for it."""
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="open", daemon=True)
                thread.start()  # RuntimeError: the system has none left
                self._thread = thread
            if self._late and isinstance(late := self._opened.get_nowait(), int):
                os.close(late)
            self._late = True
            self._asked.put((path, device, inode, size))
            outcome = self._opened.get(timeout=OPEN_TIMEOUT_S)
        except (Empty, RuntimeError):
            raise HushdError("path_unreachable", f"The path {path} does not open in time.") from None
        self._late = False
        if isinstance(outcome, HushdError):
            raise outcome
        return outcome

    def _run(self) -> None:
        while True:
            try:
                self._opened.put(self._open(*self._asked.get()))
            except HushdError as error:
                self._opened.put(error)


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
