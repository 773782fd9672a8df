"""Finds the process that serves the calls of all sessions, and starts one where none listens.

Whoever starts it makes the socket and hands it down, as the supervisor does with its gateways', so that others may
connect before it has imported anything; a lock keeps two from doing so at once. The place is the user's runtime folder,
where nobody else can listen. As small as `relay`, of which it is a part.
"""

from __future__ import annotations

import _socket
import fcntl
import os
import sys

LOG_SIZE = 1 << 20  # from which on the next process begins a new log


def connect(place: str, log: str) -> _socket.socket:
    """A connection with the process that listens at `place`, which was started if there was none.

    Args:
        log: the file for its complaints.

    Raises:
        OSError: it cannot be reached.
    """
    _check(os.path.dirname(place))
    if (connected := _try(place)) is not None:
        return connected
    lock = os.open(f"{place}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (connected := _try(place)) is None:
            if os.path.lexists(place):
                os.unlink(place)
            listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
            listener.bind(place)
            listener.listen(128)
            _start(listener.fileno(), place, log)
            listener.close()
            connected = _connected(place)
        return connected
    finally:
        os.close(lock)


def _try(place: str) -> _socket.socket | None:
    try:
        return _connected(place)
    except (FileNotFoundError, ConnectionRefusedError):
        return None


def _connected(place: str) -> _socket.socket:
    made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    made.connect(place)
    made.setblocking(False)
    return made


def _start(listener: int, place: str, log: str) -> None:
    """Starts the process in a session of its own, as nobody's child."""
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
            arguments = [sys.executable, "-P", "-m", "hushd_mcp", str(listener), place]
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
    """Makes the folder, or refuses one in which others could listen."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    facts = os.lstat(folder)
    if facts.st_mode & 0o170077 != 0o040000 or facts.st_uid != os.getuid():
        raise PermissionError(1, f"the runtime folder {folder} is not ours alone: make it yours with mode 0700")
