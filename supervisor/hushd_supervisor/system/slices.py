"""Short slices of time for this process, where Linux gives them (6.12): many wait for the little that it does.

Beside forty busy programs a process that has used a millisecond waits until each of them has had a slice of some
milliseconds. One that asks for short slices gets no more time than before, and gets it sooner.
"""

from __future__ import annotations

import os
import struct
import sys

SLICE_S = 0.0003
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")  # struct sched_attr, its first version


def shorten() -> None:
    """Asks for short slices for all threads of this process, and so for its children until `usual`."""
    if sys.platform == "linux":
        for thread in os.listdir("/proc/self/task"):
            _ask(int(thread), SLICE_S)


def usual(pid: int) -> None:
    """Gives a child that has only just been started the usual slices."""
    if sys.platform == "linux":
        _ask(pid, 0.0)


def _ask(thread: int, seconds: float) -> None:
    """An older Linux takes no notice."""
    number = _SCHED_SETATTR.get(os.uname().machine)
    if number is None:
        return
    import ctypes

    try:
        nice = os.getpriority(os.PRIO_PROCESS, thread)
    except OSError:
        return  # it has ended
    attributes = _ATTRIBUTES.pack(_ATTRIBUTES.size, 0, 0, nice, 0, round(seconds * 1e9), 0, 0)
    ctypes.CDLL(None).syscall(number, thread, attributes, 0)
