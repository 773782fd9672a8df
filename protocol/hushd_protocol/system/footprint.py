"""The memory of processes and of the machine, giving back free pages, and the cores that this process may use."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

from .cgroup import Cgroup, Limit

if TYPE_CHECKING:
    from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def cores() -> int:
    """The CPU cores that this process may use, or as many as its container's quota is worth."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = Cgroup.own(controller="cpu").processors()
    return max(1, round(min(affinity, quota)))


def machine(cgroup: Cgroup | None = None, root: str | Path = "") -> Limit:
    """Returns all memory of the machine or container, and the part that a new process could use without swapping.
    Raises OSError if /proc cannot be read.

    Args:
        cgroup: the group whose limits count; None: none does.
        root: for tests.
    """
    if sys.platform != "linux":
        import psutil  # lazy: it costs 1.6 MB, and Linux does without

        memory = psutil.virtual_memory()
        return Limit(int(memory.total), int(memory.available))
    fields = sizes_in(f"{root}/proc/meminfo")
    limits = [Limit(fields["MemTotal"], fields["MemAvailable"]), *(cgroup.limits() if cgroup else ())]
    return Limit(min(limit.total for limit in limits), min(limit.available for limit in limits))


def sizes_in(path: str | Path) -> dict[str, int]:
    """Parses the lines `Name:  123 kB` of a file in /proc; returns sizes in bytes."""
    sizes = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            name, _, value = line.partition(":")
            if value.endswith("kB\n"):
                sizes[name] = int(value.split()[0]) * 1024
    return sizes


def rss(process: str = "self") -> int:
    """The resident set in bytes, 0 if the system does not report it; takes 0.01 ms, the pss 1 ms."""
    try:
        descriptor = os.open(f"/proc/{process}/statm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return int(os.read(descriptor, 100).split()[1]) * _PAGE
    finally:
        os.close(descriptor)


def cpu_s(process: str) -> float:
    """The CPU seconds of a process and of its children that have ended. Raises OSError if it is gone."""
    with open(f"/proc/{process}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()  # the name before it may contain anything
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def lists_children() -> bool:
    """Returns whether the kernel lists the children of a process, as Linux does unless built without that."""
    return os.path.exists("/proc/thread-self/children")


def descendants(process: str) -> list[str]:
    """The pids of the living descendants of `process`, from /proc."""
    return [pid for child in children(process) for pid in (child, *descendants(child))]


def children(process: str) -> list[str]:
    """The pids of the living and the ended, not yet reaped children of `process`, from /proc."""
    children: list[str] = []
    if process == "self" and _childless():
        return children
    try:
        for thread in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{thread}/children") as file:
                children += file.read().split()
    except OSError:
        pass  # the process or thread has ended, or this is not Linux
    return children


def _childless() -> bool:
    """Returns whether this process has no child, by one system call: /proc has a file for each thread."""
    if not hasattr(os, "waitid"):
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def trim() -> None:
    """Makes glibc give back the free pages of its heaps, which it otherwise keeps; does nothing elsewhere.
    Measured with hibari: 190 to 160 MB after the load, 280 to 169 MB after a long text, in 4 ms."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        pass


_PR_SET_THP_DISABLE = 41  # option of Linux's prctl


def use_huge_pages(usable: bool) -> None:
    """Lets the kernel give this process huge pages, or not. Within minutes it would make whole ones again of those of
    which `trim` gave a part back: faster-whisper/base at rest grew from 229 to 255 MB in two minutes."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_THP_DISABLE, not usable, 0, 0, 0)
    except (AttributeError, OSError):
        pass  # macOS has no such call
