"""Folders on a node for as long as tasks use them, each with a lock that its users hold.

The kernel releases a lock however a task ends, so what a killed one has left is removed before the next folder is made.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from hushd_protocol.system import paths

_MARK = "hushd-ray-"


@contextmanager
def folder() -> Iterator[Path]:
    """Yields an empty folder of the caller's alone, removed at the end.

    Raises:
        OSError: it cannot be made.
    """
    remove_unused()
    own = home() / secrets.token_hex(16)
    lock = locked(own, fcntl.LOCK_EX)
    try:
        yield own
    finally:
        remove(own, lock)


def remove_unused(besides: Path | None = None) -> None:
    """Removes the folders that no task uses."""
    for place in home().iterdir():
        if place != besides:
            with suppress(OSError):
                remove(place, locked(place, fcntl.LOCK_EX | fcntl.LOCK_NB))


def remove(place: Path, lock: int) -> None:
    """Removes a folder whose lock the caller holds alone, and releases the lock."""
    shutil.rmtree(place, ignore_errors=True)
    os.close(lock)


@cache
def home() -> Path:
    """Returns the folder of all such folders of this user's, or of this process's if that is not private."""
    place = Path(tempfile.gettempdir(), f"{_MARK}{os.getuid()}")
    with suppress(FileExistsError):
        place.mkdir(0o700)
    if not paths.is_private(place):
        place = Path(tempfile.mkdtemp(prefix=_MARK))
    return place


def locked(place: Path, how: int) -> int:
    """Returns the descriptor of a folder's lock, once it is ours; makes the folder.

    Args:
        how: as `fcntl.flock` takes it.

    Raises:
        OSError: the folder cannot be made, or `how` forbids to wait and the lock is another's.
    """
    while True:
        place.mkdir(0o700, exist_ok=True)
        lock = os.open(place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, how)
            if (place / "lock").stat().st_ino == os.fstat(lock).st_ino:
                return lock
        except FileNotFoundError:
            pass  # it was removed before it was ours
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)
