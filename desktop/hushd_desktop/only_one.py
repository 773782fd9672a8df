"""A program of which a user runs one at a time, and which the next one sends a signal instead."""

from __future__ import annotations

import fcntl
import os

from hushd_protocol.system import paths


class OnlyOne:
    """The right to run, until this process ends, however that comes.

    Args:
        name: the program's, of the file in the runtime folder.

    Attributes:
        taken: whether it is ours.
    """

    def __init__(self, name: str) -> None:
        here = paths.find()
        paths.prepare_runtime(here)
        self._descriptor = os.open(here.runtime / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.taken = False
            return
        self.taken = True
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def signal(self, number: int) -> None:
        """Sends the one that has it a signal."""
        try:
            os.kill(int(os.pread(self._descriptor, 32, 0)), number)
        except (OSError, ValueError):
            pass  # it is just ending
