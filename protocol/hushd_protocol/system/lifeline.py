"""The lifeline, by which a worker notices that its supervisor is dead, and a process's signs of life.

The lifeline of a worker is a pipe that is never written to, whose end means that the supervisor is dead.
PR_SET_PDEATHSIG would only kill the leader: 13 of 15 grandchildren survived it.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import select
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # option of prctl.h
# The variable that names, for all that a worker starts, its process: see the supervisor's `orphans`.
TREE = "HUSHD_WORKER_TREE"


def arm(descriptor: int, supervisor: int) -> None:
    """Has this process group, grandchildren included, end as soon as `descriptor` reaches its end.

    On Linux the kernel kills it (F_SETSIG with SIGKILL to the group: 3 ms, even while native code holds the GIL);
    elsewhere a thread waits for the end. The caller must lead its process group.
    """
    if sys.platform == "linux":
        tie(descriptor, os.getpgrp())
    else:
        threading.Thread(target=_watch, args=(descriptor,), name="lifeline", daemon=True).start()
    if os.getppid() != supervisor or _ended(descriptor):
        # The supervisor died, or gave up this process, before the signal was armed: the end of the pipe was missed.
        os.killpg(0, signal.SIGKILL)


def tie(descriptor: int, group: int) -> None:
    """Linux only: makes the kernel kill the process group at the end of `descriptor`, even while members hold it open.

    This is a property of the open pipe, so the supervisor sets it at the start, too: a worker may take seconds to reach
    `arm` if Python starts slowly, and a worker that is not ours may never call it.
    """
    # F_SETOWN with a negative number means a process group.
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, -group)
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)


def adopt_orphans(adopts: bool = True) -> None:
    """Says whether this process, instead of init, adopts descendants whose own parent has ended; on Linux alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(adopts), 0, 0, 0)


def _ended(descriptor: int) -> bool:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(0))


def _watch(descriptor: int) -> None:
    os.read(descriptor, 1)
    os.killpg(0, signal.SIGKILL)


# --- signs of life: while a silent process works, or waits for a busy machine, who asked it something waits too ---


# States in /proc: runs or waits for its turn or a disk; has ended; stands still.
_BUSY, _ENDED, _STOPPED = b"RD", b"ZXx", b"Tt"


def activity(pid: int) -> tuple[bool, bytes]:
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


def is_stopped(pid: int) -> bool:
    """Returns whether a process stands still, by SIGSTOP or for a debugger; not on Linux: never."""
    if sys.platform != "linux":
        return False
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in _STOPPED
    except (OSError, IndexError):
        return False


def exists(pid: int) -> bool:
    """Returns whether a process has this number, also one that is another user's, or that a sandbox hides."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        pass
    except (OSError, OverflowError):
        return False
    return pid > 0  # others name groups


def remove_left(folder: Path, *patterns: str) -> None:
    """Removes the files in `folder` that killed processes have left; a file's name ends with the pid behind a `-`."""
    for path in [path for pattern in patterns for path in folder.glob(pattern)]:
        pid = path.name.rpartition("-")[2].partition(".")[0]
        if pid.isdecimal() and not exists(int(pid)):
            with suppress(OSError):
                path.unlink()


class Liveness:
    """A process of this machine, from one look to the next."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._times = b""

    def works(self) -> bool:
        """Returns whether it has used the processor since the last look, or waits for it; not on Linux: exists.
        So one that is stopped at this very moment, and worked before, works: it may go on in the next."""
        last_times = self._times
        busy, self._times = activity(self._pid)
        return busy or self._times not in (b"", last_times)

    def exists(self) -> bool:
        return exists(self._pid)
