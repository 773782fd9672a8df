"""Measures the memory of processes and of the machine, in bytes: PSS where the system reports it, RSS elsewhere."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hushd_protocol import buggify
from hushd_protocol.messages import Beat, Ready
from hushd_protocol.system import footprint
from hushd_protocol.system.cgroup import Cgroup, number_of
from hushd_protocol.system.footprint import descendants, sizes_in
from msgspec import structs

from hushd_supervisor.core.events import Used
from hushd_supervisor.core.memory.budget import Memory

MAX_CARDS = 64  # cards that one process may use
PLACE = "[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}[.][0-7]"  # place on the PCI bus


@dataclass(frozen=True, slots=True)
class Usage:
    """The memory of a process: its resident set, proportional set, peak resident set, private memory and mapped files.
    Its exit frees the private memory; pages of mapped files stay until the kernel drops them."""

    rss: int
    pss: int
    peak: int
    private: int = 0
    mapped: int = 0


def usage(pid: int) -> Usage | None:
    """Returns the memory of process `pid`, None if it is gone."""
    resident = resident_usage(pid)
    try:
        return resident and replace(resident, pss=sizes_in(f"/proc/{pid}/smaps_rollup")["Pss"])
    except (OSError, KeyError):
        return resident


def resident_usage(pid: int) -> Usage | None:
    """Returns the same by the resident set alone, in 0.1 ms: a large worker's proportional set takes 10 ms."""
    if sys.platform != "linux":
        return _usage_elsewhere(pid)
    try:
        status = sizes_in(f"/proc/{pid}/status")
        rss = status["VmRSS"]
    except (OSError, KeyError):  # a zombie has no VmRSS
        return None
    private = status.get("RssAnon", rss) + status.get("RssShmem", 0)
    return Usage(rss, rss, status.get("VmHWM", rss), private, status.get("RssFile", 0))


def of_tree(pid: int, usage_of: Callable[[int], Usage | None]) -> Usage | None:
    """Returns the memory of process `pid`, as `usage_of` measures it, and of its descendants, by their resident sets: a
    proportional set is read under its process's lock, which a program that maps gigabytes holds for seconds. None if
    the process is gone."""
    if (own := usage_of(pid)) is None:
        return None
    parts = [own, *filter(None, map(resident_usage, map(int, descendants(str(pid)))))]
    return Usage(*(sum(getattr(part, name) for part in parts) for name in ("rss", "pss", "peak", "private", "mapped")))


def used(pid: int) -> Used | None:
    """Returns the CPU time, bytes read and private memory of process `pid` and its descendants; None if it is gone.
    Takes 0.2 ms even during a load, since these counters need no lock of the process."""
    if sys.platform != "linux":
        return _used_elsewhere(pid)
    used = [each for process in (str(pid), *descendants(str(pid))) if (each := _used(process))]
    if not used:
        return None
    return Used(sum(u.cpu_s for u in used), sum(u.read for u in used), sum(u.private for u in used))


def checked(report: Ready | Beat, pid: int, elsewhere: Callable[[], int]) -> Ready | Beat:
    """Returns a worker's report with sizes of its processes that are measured here, 0 where they have ended.

    Its own word is a hint for two things that no look from here finds: the peak since the last report, up to the
    kernel's high-water mark, and what it takes `elsewhere`, in a container, up to what the user's file says.
    """
    cards = plausible_cards(report.cards)
    if (own := of_tree(pid, resident_usage)) is None:
        return structs.replace(report, cards=cards, pss=0, private=0, peak=0)
    private = own.private
    if report.private > private:
        private = min(report.private, private + elsewhere())
    pss = min(report.pss, own.rss - own.private + private)
    peak = max(private, min(report.peak, own.peak - own.private + private))
    return structs.replace(report, cards=cards, pss=pss, private=private, peak=peak)


def plausible_cards(sizes: Mapping[str, object]) -> dict[str, int]:
    """Returns the plausible entries of a worker's report on graphics cards."""
    rows = itertools.islice(sizes.items(), MAX_CARDS)
    return {id: size for id, size in rows if type(size) is int and 0 < size < 1 << 50 and re.fullmatch(PLACE, id)}


def machine(cgroup: Cgroup | None = None, root: str | Path = "") -> Memory:
    """Returns all memory of the machine or container, and the part that a new process could use without swapping.
    `root` is for tests."""
    return Memory(*footprint.machine(cgroup, root))


class MachineMemory:
    """Measures like `machine`; if that fails, returns the last measure.

    A measure needs a file descriptor, and other programs may have taken the machine's last one.
    Raises OSError from the constructor only.
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
            pass  # no process could start now anyway
        return self._last


def oom_kills(cgroup: Cgroup | None = None, root: Path = Path("/")) -> int | None:
    """Returns the kernel's count of processes killed for lack of memory, in our cgroup or anywhere; None if unknown."""
    if cgroup and (count := cgroup.oom_kills()) is not None:
        return count
    return number_of(root / "proc/vmstat", "oom_kill")


def _used(process: str) -> Used | None:
    try:
        cpu_s = footprint.cpu_s(process)
        sizes = sizes_in(f"/proc/{process}/status")
    except OSError:
        return None
    try:
        read = number_of(Path(f"/proc/{process}/io"), "rchar:") or 0
    except OSError:  # no permission
        read = 0
    return Used(cpu_s, read, sizes.get("RssAnon", 0) + sizes.get("RssShmem", 0))


def _used_elsewhere(pid: int) -> Used | None:
    import psutil

    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        return Used(times.user + times.system, 0, int(process.memory_info().rss))
    except psutil.Error:
        return None


def _usage_elsewhere(pid: int) -> Usage | None:
    import psutil  # lazy: it costs 1.6 MB, and Linux does without

    try:
        rss = int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None
    return Usage(rss, rss, rss, rss)
