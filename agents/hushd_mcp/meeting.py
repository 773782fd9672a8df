"""Finds the process that serves MCP for hosts of this user; starts it if none listens.

The starting pipe makes the socket and passes it on, so that other pipes can connect before the process has imported
anything; a lock keeps two pipes from doing so at once. The socket is in the user's runtime folder, where no other user
can listen.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

LOG_SIZE = 1 << 20  # bytes of the log from which the next process starts a new one


Identity = tuple[int, int] | None


def find(path: str, log: str) -> tuple[socket.socket, bool, Identity]:
    """Returns a connection with the process that listens at `path`, whether it is new, and its socket's identity.
    If none listens, it starts one. Raises OSError if it cannot be reached."""
    _check(os.path.dirname(path))
    if (listening := _try(path)) is not None:
        return listening, False, identity(path)
    with locked(path):
        if (listening := _try(path)) is not None:
            return listening, False, identity(path)
        if os.path.lexists(path):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX) as listener:
            mask = os.umask(0o177)
            try:
                listener.bind(path)
            finally:
                os.umask(mask)
            listener.listen(128)
            _start(listener.fileno(), path, log)
        return connected(path), True, identity(path)


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Holds the lock of the socket at `path`: only its holder makes or removes the socket."""
    with open(f"{path}.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def connected(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    try:
        made.connect(path)
    except OSError:
        made.close()
        raise
    return made


def abandon(path: str, known: Identity) -> None:
    """Removes the socket of a process that does not answer, or leaves, unless another has made its own there."""
    if identity(path) == known is not None:
        with suppress(OSError):  # another pipe has just removed it
            os.unlink(path)


def identity(path: str) -> Identity:
    """Returns a socket's inode and when it was made: the next one at the path may well have the same inode."""
    try:
        status = os.stat(path)
    except OSError:  # the process has just left
        return None
    return status.st_ino, status.st_mtime_ns


def _try(path: str) -> socket.socket | None:
    try:
        return connected(path)
    except (FileNotFoundError, ConnectionRefusedError):
        return None


def _start(listener: int, path: str, log: str) -> None:
    """Starts the process, which detaches itself at once: see `__main__`."""
    os.set_inheritable(listener, True)
    opened = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    try:
        large = os.stat(log).st_size > LOG_SIZE if os.path.exists(log) else False
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if large else 0)
        os.close(os.open(log, flags, 0o600))
        opened.append((os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_APPEND, 0))
    except OSError:  # it has no log then
        pass
    command = [sys.executable, "-P", "-m", "hushd_mcp", str(listener), path, "--detached"]
    os.waitpid(os.posix_spawn(sys.executable, command, os.environ, file_actions=opened), 0)


def _check(folder: str) -> None:
    """Makes the folder, or refuses one in which other users could listen."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    facts = os.lstat(folder)
    if facts.st_mode & 0o170077 != 0o040000 or facts.st_uid != os.getuid():
        raise PermissionError(1, f"the runtime folder {folder} is not ours alone: make it yours with mode 0700")
