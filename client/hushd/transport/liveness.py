"""Signs of life of a silent supervisor: while it works, or waits for a busy machine, its client waits too."""

from __future__ import annotations

import errno
import os
import sys

_BUSY, _ENDED = b"RD", b"ZXx"  # states in /proc: runs or waits for its turn or a disk; has ended


class Liveness:
    """A process of this machine, from one look to the next."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._times = b""

    def works(self) -> bool:
        """Returns whether it has used the processor since the last look, or waits for it; not on Linux: exists.

        So one that is stopped at this very moment, and worked before, works: it may go on in the next.
        """
        if sys.platform != "linux":
            return self.exists()
        try:
            with open(f"/proc/{self._pid}/stat", "rb") as file:
                state = file.read().rpartition(b")")[2].split()[0]
            with open(f"/proc/{self._pid}/schedstat", "rb") as file:
                last_times, self._times = self._times, file.read()
        except OSError as error:
            # It has ended, or lives where we cannot see it; or it is we who have no open file left to look with.
            return error.errno in (errno.EMFILE, errno.ENFILE) and self.exists()
        except IndexError:
            return False
        return state not in _ENDED and (state in _BUSY or last_times != self._times)

    def exists(self) -> bool:
        """Returns whether there is a process of its number."""
        try:
            os.kill(self._pid, 0)
        except OSError:
            return False
        return True
