"""Connects to the process that serves the calls of all sessions; starts it if none listens.

The starting relay makes the socket and passes it on, so that other relays can connect before the process has imported
anything; a lock keeps two relays from doing so at once. The socket is in the user's runtime folder, where no other user
can listen. Like `relay`, to which it belongs, the module is small.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time

from .c_modules import AF_UNIX, SOCK_STREAM, socket

OTHER_RELAY_TIMEOUT_S = 5.0  # seconds for another relay to start the process
LOG_SIZE = 1 << 20  # bytes of the log from which the next process starts a new one


def connect(path: str, log: str) -> tuple[socket, bool, int]:
    """Returns a connection with the process that listens at `path`, whether it is new, and the inode of its socket.
    If none listens, it starts one. Raises OSError if it cannot be reached."""
    _check(os.path.dirname(path))
    if (connected := _try(path)) is not None:
        return connected, False, _inode(path)
    lock = _locked(f"{path}.lock")
    try:
        if (connected := _try(path)) is not None:
            return connected, False, _inode(path)
        if os.path.lexists(path):
            os.unlink(path)
        listener = socket(AF_UNIX, SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(mask)
        listener.listen(128)
        _start(listener.fileno(), path, log)
        listener.close()
        return _connected(path), True, _inode(path)
    finally:
        os.close(lock)


def abandon(path: str, inode: int) -> None:
    """Removes the socket of a process that does not answer, unless another has made its own there."""
    if _inode(path) == inode != 0:
        os.unlink(path)


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:  # the process has just left
        return 0


def _locked(path: str) -> int:
    """Returns the locked file; one held for `OTHER_RELAY_TIMEOUT_S`, as by a stopped process, is replaced."""
    until = time.monotonic() + OTHER_RELAY_TIMEOUT_S
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            os.close(lock)
        if time.monotonic() > until:
            os.unlink(path)
        else:
            time.sleep(0.02)


def _try(place: str) -> socket | None:
    try:
        return _connected(place)
    except (FileNotFoundError, ConnectionRefusedError):
        return None


def _connected(place: str) -> socket:
    made = socket(AF_UNIX, SOCK_STREAM)
    made.connect(place)
    made.setblocking(False)
    return made


def _start(listener: int, path: str, log: str) -> None:
    """Starts the process in a session of its own, detached from this one."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            nothing = os.open(os.devnull, os.O_RDWR)
            for number, descriptor in enumerate((nothing, nothing, _opened(log, nothing))):
                os.dup2(descriptor, number)
            os.set_inheritable(listener, True)
            arguments = [sys.executable, "-P", "-m", "hushd_mcp", str(listener), path]
            os.execv(sys.executable, arguments)
    finally:
        os._exit(0)


def _opened(log: str, otherwise: int) -> int:
    try:
        size = os.stat(log).st_size if os.path.exists(log) else 0
        new = os.O_TRUNC if size > LOG_SIZE else 0
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | new, 0o600)
    except OSError:
        return otherwise


def _check(folder: str) -> None:
    """Makes the folder, or refuses one in which other users could listen."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    facts = os.lstat(folder)
    if facts.st_mode & 0o170077 != 0o040000 or facts.st_uid != os.getuid():
        raise PermissionError(1, f"the runtime folder {folder} is not ours alone: make it yours with mode 0700")
