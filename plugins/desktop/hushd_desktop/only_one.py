"""Lets a user run a program once at a time; a second one sends the first a signal."""

from __future__ import annotations

import fcntl
import os

from hushd_protocol.errors import os_errors_as
from hushd_protocol.system import paths


class OnlyOne:
    """The lock of a program, held until this process ends in any way. Raises `output_failed` if the file cannot be
    written, as on a full disk."""

    def __init__(self, name: str) -> None:
        here = paths.find()
        paths.prepare_runtime(here)
        path = here.runtime / f"{name}.lock"
        with os_errors_as("output_failed", f"{path} cannot be written"):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self.taken = self._lock()

    def _lock(self) -> bool:
        """Takes the lock and writes this process's id; returns False if another process holds it."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)
        return True

    def signal(self, number: int) -> None:
        try:
            os.kill(int(os.pread(self._descriptor, 32, 0)), number)
        except (OSError, ValueError):
            pass  # it is just ending
