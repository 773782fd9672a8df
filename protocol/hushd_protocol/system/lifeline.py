"""The lifeline of a worker: a pipe that is never written to, whose end means that the supervisor is dead.

PR_SET_PDEATHSIG would only kill the leader: 13 of 15 grandchildren survived it.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import threading


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


def _ended(descriptor: int) -> bool:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(0))


def _watch(descriptor: int) -> None:
    os.read(descriptor, 1)
    os.killpg(0, signal.SIGKILL)
