"""The memory of processes and of the machine, in bytes; PSS where the system reports it, RSS elsewhere."""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from hushd_protocol.buggify import buggify
from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.system.footprint import descendants, rss

from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.core.worker.progress import Used

from .cgroup import Cgroup, number_of

_PAGE = os.sysconf("SC_PAGE_SIZE")
CARDS = 64  # that one process may use
PLACE = re.compile("[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}[.][0-7]", re.ASCII)  # on the PCI bus


@dataclass(frozen=True, slots=True)
class Usage:
    """The resident set, proportional set and highest resident set so far of one process; its private part, and files.

    The former is the process's alone, and its exit gives it back; pages of mapped files are the kernel's to drop.
    """

    rss: int
    pss: int
    peak: int
    private: int = 0
    mapped: int = 0


def usage(pid: int) -> Usage | None:
    """The memory of process `pid`, None when it is gone."""
    if sys.platform != "linux":
        return _usage_elsewhere(pid)
    try:
        status = _fields(f"/proc/{pid}/status")
        rss = status["VmRSS"]
    except (OSError, KeyError):  # a zombie has no VmRSS
        return None
    try:
        pss = _fields(f"/proc/{pid}/smaps_rollup")["Pss"]
    except (OSError, KeyError):
        pss = rss
    private = status.get("RssAnon", rss) + status.get("RssShmem", 0)
    return Usage(rss, pss, status.get("VmHWM", rss), private, status.get("RssFile", 0))


def resident_usage(pid: int) -> Usage | None:
    """The same by the resident set alone, which takes 0.1 ms: the proportional set of a large worker takes 10."""
    if sys.platform != "linux":
        return _usage_elsewhere(pid)
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            size, shared = (int(pages) * _PAGE for pages in file.read().split()[1:3])
    except OSError:  # it has just gone
        return None
    return Usage(size, size, size, size - shared, shared) if size else None


def private(pid: int) -> int:
    """The bytes that the end of process `pid` gives back: no other process has these pages, and no file does."""
    try:
        sizes = _fields(f"/proc/{pid}/smaps_rollup")
    except OSError:
        return resident.rss if (resident := resident_usage(pid)) else 0
    return sizes.get("Private_Dirty", 0)  # a clean page is a file's, and the kernel's to drop


def highest(pid: int) -> int:
    """The bytes that process `pid` ever had resident, and its descendants have now: no peak was higher."""
    try:
        own = _fields(f"/proc/{pid}/status").get("VmHWM", 0)
    except OSError:
        return 0
    return own + sum(map(rss, descendants(str(pid))))


def used(pid: int) -> Used | None:
    """The CPU time, the bytes read and the private memory of process `pid` and its descendants; None when it is gone.

    Takes 0.2 ms, also in the middle of a load: these counters wait for no lock of the process.
    """
    if sys.platform != "linux":
        return _used_elsewhere(pid)
    used = [each for process in (str(pid), *descendants(str(pid))) if (each := _used(process))]
    if not used:
        return None
    return Used(sum(u.cpu_s for u in used), sum(u.read for u in used), sum(u.private for u in used))


def believed(size: int, pid: int) -> int:
    """The `size` that process `pid` reports of itself and its descendants, but no more than they have resident.

    A worker that claims more than there is would bar all others, and be held for that large ever after.
    """
    if sys.platform != "linux":
        return max(0, size)
    resident = rss(str(pid))
    if size > resident:
        resident += sum(map(rss, descendants(str(pid))))
    return max(0, min(size, resident))


def plausible_cards(sizes: Mapping[str, object]) -> dict[str, int]:
    """The part of what a worker reports of graphics cards that can be true."""
    rows = itertools.islice(sizes.items(), CARDS)
    return {id: size for id, size in rows if type(size) is int and 0 < size < 1 << 50 and PLACE.fullmatch(id)}


def machine(cgroup: Cgroup | None = None, root: Path = Path("/")) -> Memory:
    """All memory, and the part that a new process could use without swapping; in a container, the container's.

    `root` is for tests.
    """
    if sys.platform != "linux":
        return _machine_elsewhere()
    fields = _fields(root / "proc/meminfo")
    total, available = fields["MemTotal"], fields["MemAvailable"]
    for limit in cgroup.limits() if cgroup else ():
        total, available = min(total, limit.total), min(available, limit.available)
    return Memory(total, available)


class MachineMemory:
    """Measures as `machine` does; while that fails, what it has measured last holds.

    A measure needs an open file, and another program may have the machine's last: the supervisor must not end by that.

    Raises:
        OSError: from the construction alone.
    """

    def __init__(self, cgroup: Cgroup | None = None) -> None:
        self._cgroup = cgroup
        self._last = machine(cgroup)

    def __call__(self) -> Memory:
        if buggify("old measure holds"):
            return self._last
        try:
            self._last = machine(self._cgroup)
        except OSError:
            pass  # nor can anything start just now
        return self._last


def oom_kills(cgroup: Cgroup | None = None, root: Path = Path("/")) -> int | None:
    """The processes that the kernel has killed, out of memory, in our cgroup, else anywhere; None where unknown."""
    if cgroup and (count := cgroup.oom_kills()) is not None:
        return count
    return number_of(root / "proc/vmstat", "oom_kill")


def _fields(path: str | Path) -> dict[str, int]:
    """The lines `Name:  123 kB` of a file in /proc, in bytes."""
    sizes = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if rest.endswith("kB\n"):
                sizes[name] = int(rest.split()[0]) * 1024
    return sizes


def _used(process: str) -> Used | None:
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            ticks = sum(map(int, file.read().rpartition(b")")[2].split()[11:15]))  # the name before may hold anything
        sizes = _fields(f"/proc/{process}/status")
    except OSError:
        return None
    try:
        read = number_of(Path(f"/proc/{process}/io"), "rchar:") or 0
    except OSError:  # not ours to see
        read = 0
    return Used(ticks / os.sysconf("SC_CLK_TCK"), read, sizes.get("RssAnon", 0) + sizes.get("RssShmem", 0))


def _used_elsewhere(pid: int) -> Used | None:
    import psutil

    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        return Used(times.user + times.system, 0, int(process.memory_info().rss))
    except psutil.Error:
        return None


def _usage_elsewhere(pid: int) -> Usage | None:
    import psutil  # only here, and to list descendants: it costs 1.6 MB

    try:
        rss = int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None
    return Usage(rss, rss, rss, rss)


def _machine_elsewhere() -> Memory:
    import psutil

    memory = psutil.virtual_memory()
    return Memory(int(memory.total), int(memory.available))
