"""The lifeline of a worker: a pipe that nobody writes to, whose end means that the supervisor is dead.

Not PR_SET_PDEATHSIG, which kills only the leader: 13 of 15 grandchildren survived it.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import threading


def arm(descriptor: int, supervisor: int) -> None:
    """Ends this process group, grandchildren too, as soon as `descriptor` reaches its end.

    On Linux the kernel kills it (F_SETSIG with SIGKILL to the group: 3 ms, even while native code holds the GIL);
    elsewhere a thread waits for the end. The caller must lead its process group.
    """
    if sys.platform == "linux":
        tie(descriptor, os.getpgrp())
    else:
        threading.Thread(target=_watch, args=(descriptor,), name="lifeline", daemon=True).start()
    if os.getppid() != supervisor or _ended(descriptor):
        # The supervisor died, or gave this process up, before the signal was armed: the end of the pipe passed unseen.
        os.killpg(0, signal.SIGKILL)


def tie(descriptor: int, group: int) -> None:
    """Linux only: has the kernel kill the process group at the end of `descriptor`, even while members hold it open.

    That is a property of the open pipe, so the supervisor sets it at the start too: a worker is seconds away from `arm`
    where Python's start is slow, and a worker of another program may never call it.
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
