"""The locks of the processes that make other programs quieter, which the kernel releases however a process ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from hushd_protocol.system import atomic_file


class Locks:
    """A place among those who want other programs to be quieter.

    Attributes:
        leads: whether this process is the one that changes volumes.
    """

    def __init__(self, folder: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._wishes = os.open(folder / "ducking.wishes", flags, 0o600)
        self._leader = os.open(folder / "ducking.leader", flags, 0o600)
        self.leads = False
        fcntl.flock(self._wishes, fcntl.LOCK_SH)  # waits while the last one of others brings volumes back

    def try_to_lead(self) -> bool:
        """Returns whether it leads; never waits."""
        self.leads = self.leads or atomic_file.lock(self._leader, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self.leads

    def close(self) -> None:
        """Gives both up, without a thought for the others."""
        os.close(self._wishes)
        os.close(self._leader)

    def leave(self) -> bool:
        """Gives up the wish; returns whether it was the last one, which must bring everything back.

        Who leaves leads first: so one after the other gives up its wish, and none overlooks that it is the last.
        """
        if not self.leads:
            fcntl.flock(self._leader, fcntl.LOCK_EX)
            self.leads = True
        return atomic_file.lock(self._wishes, fcntl.LOCK_EX | fcntl.LOCK_NB)
