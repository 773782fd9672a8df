"""Signs of life of a silent process: while it works, or waits for a busy machine, who asked it something waits too."""

from __future__ import annotations

import errno
import os
import sys

_BUSY, _ENDED = b"RD", b"ZXx"  # states in /proc: runs or waits for its turn or a disk; has ended


def look(pid: int) -> tuple[bool, bytes]:
    """Returns whether a process runs or waits for its turn, and its times of the processor, which differ once it ran.

    The times are empty for one that has ended, or that cannot be seen. Not on Linux: whether it exists, and no times.
    """
    if sys.platform != "linux":
        return exists(pid), b""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            state = file.read().rpartition(b")")[2].split()[0]
        with open(f"/proc/{pid}/schedstat", "rb") as file:
            times = file.read()
    except OSError as error:
        # It has ended, or lives where we cannot see it; or it is we who have no open file left to look with.
        return error.errno in (errno.EMFILE, errno.ENFILE) and exists(pid), b""
    except IndexError:
        return False, b""
    return state in _BUSY, b"" if state in _ENDED else times


def exists(pid: int) -> bool:
    """Returns whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return pid > 0  # others name groups


class Liveness:
    """A process of this machine, from one look to the next."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._times = b""

    def works(self) -> bool:
        """Returns whether it has used the processor since the last look, or waits for it; not on Linux: exists.

        So one that is stopped at this very moment, and worked before, works: it may go on in the next.
        """
        last_times = self._times
        busy, self._times = look(self._pid)
        return busy or self._times not in (b"", last_times)

    def exists(self) -> bool:
        """Returns whether there is a process of its number."""
        return exists(self._pid)
