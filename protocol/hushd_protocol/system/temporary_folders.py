"""The temporary folder of each confined worker, which goes with its process, whatever that has made in it.

A lock, held by the worker for its life, tells a living one's folder from a dead one's. An empty folder is removed by
the supervisor; any other by a program of its own (`python -m hushd_protocol.system.temporary_folders FOLDER…`), since a
broken worker's may hold a hundred thousand files.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import signal
import stat
import sys
import time
from contextlib import suppress

from .lifeline import TREE
from .uploads import folder as shared

_PREFIX = "hushd-worker-"
_NEW_S = 10.0  # age in seconds below which the process of a folder may not have locked it yet
_PATIENCE_S = 60  # seconds for a process that was killed to end


def new() -> str:
    """Returns the path of a folder to be made."""
    return f"{shared()}/{_PREFIX}{os.urandom(8).hex()}"  # `tempfile` takes 3 ms to import


def make(folder: str) -> str:
    """Makes the folder of this process, or another one where that cannot be made, and locks it; has those of dead
    processes removed. Returns its path. Raises OSError."""
    remove_beside(*filter(_is_left, _every()))
    try:
        os.mkdir(folder, 0o700)
    except OSError:
        os.mkdir(folder := new(), 0o700)
    fcntl.flock(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), fcntl.LOCK_EX)
    return folder


def discard(folder: str) -> None:
    """Removes the folder of a process that has ended, or will; returns at once."""
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        pass
    except OSError:
        remove_beside(folder)


def remove_beside(*folders: str) -> None:
    """Starts the program that removes folders; where none can be started, a later worker starts it."""
    if folders:
        # Apart from a worker, with which it would end.
        variables = {name: value for name, value in os.environ.items() if name != TREE}
        command = [sys.executable, "-P", "-m", __name__, *folders]
        with suppress(OSError):
            os.posix_spawn(sys.executable, command, variables, setpgroup=0)


def remove(folder: str) -> None:
    """Removes a folder of this user's, once no process has its lock. Raises OSError."""
    descriptor = _opened(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _empty(descriptor)
        os.rmdir(folder)
    finally:
        os.close(descriptor)


def _every() -> list[str]:
    try:
        return [f"{shared()}/{name}" for name in os.listdir(shared()) if name.startswith(_PREFIX)]
    except OSError:
        return []


def _is_left(folder: str) -> bool:
    """Returns whether a folder's process has ended."""
    try:
        descriptor = _opened(folder)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(descriptor).st_mtime < time.time() - _NEW_S
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _opened(folder: str) -> int:
    """Returns a descriptor of a folder of this user's. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    if os.fstat(descriptor).st_uid != os.getuid():
        os.close(descriptor)
        raise PermissionError(f"{folder} is another user's")
    return descriptor


def _empty(folder: int) -> None:
    """Removes all that a folder holds. What lies deeper is first moved up into it, so that no depth needs a recursion,
    a long path or many descriptors."""
    mark, numbers = os.urandom(8).hex(), itertools.count()
    while names := os.listdir(folder):
        for name in names:
            if (inner := _inner(name, folder)) is None:
                continue
            try:
                for below in os.listdir(inner):
                    if (deeper := _inner(below, inner)) is not None:
                        os.close(deeper)
                        os.rename(below, f"{mark}{next(numbers)}", src_dir_fd=inner, dst_dir_fd=folder)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=folder)


def _inner(name: str, folder: int) -> int | None:
    """Returns a descriptor of a folder in a folder, whatever its mode; None for anything else, which is removed."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=folder)
        return None
    # By its descriptor: a living worker may put a link to a file of the user's in its place meanwhile.
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.chmod(itself := f"/proc/self/fd/{handle}", 0o700)
        return os.open(itself, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(handle)


def main() -> None:
    for folder in sys.argv[1:]:
        signal.alarm(_PATIENCE_S)  # its process may not end
        with suppress(OSError):
            remove(folder)


if __name__ == "__main__":
    main()
