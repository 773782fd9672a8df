"""Kills a process with all its descendants."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack, suppress

from .footprint import descendants, lists_children


def kill_tree(pid: int) -> None:
    """Sends SIGKILL to a child that is not reaped and to its descendants; returns at once.

    A descendant that has called setsid is in no group of its parent's, and cannot be found once that is dead.
    """
    with ExitStack() as opened:
        pids = _descendants(pid)
        pinned = {each: descriptor for each in pids if (descriptor := _pin(each, opened)) is not None}
        if pinned:
            pids = _descendants(pid)  # still descendants, so each was one when it was pinned
        for each in (pid, *pids):
            with suppress(ProcessLookupError, PermissionError):  # it is dead
                if each in pinned:
                    signal.pidfd_send_signal(pinned[each], signal.SIGKILL)
                else:
                    os.kill(each, signal.SIGKILL)


def _pin(pid: int, opened: ExitStack) -> int | None:
    """Returns a pidfd, which refers to the process even after its number was reused; None if there is none."""
    if sys.platform != "linux":
        return None
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None  # it has ended, or no descriptor is left
    opened.callback(os.close, descriptor)
    return descriptor


def _descendants(pid: int) -> list[int]:
    """Returns a child's descendants; on Linux by the kernel's lists, since scanning /proc takes milliseconds."""
    if lists_children():
        return [int(name) for name in descendants(str(pid))]
    import psutil  # it costs 1.6 MB

    try:
        return [process.pid for process in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []
