"""CPU time and memory of this process and those it started, and whether a failure was a lack of memory."""

from __future__ import annotations

import mmap
import os
import resource
import sys
import time

from hushd_protocol.errors import HushdError
from hushd_protocol.system.footprint import descendants

forked = False  # from a template, whose pages this process would have to itself without it
_template_peak = 0  # bytes: of the load, in a process that a template with its model has forked
_TICK = os.sysconf("SC_CLK_TCK")
_NO_MEMORY = (
    "failed to map segment from shared object", "Cannot allocate memory",  # glibc
    "can't start new thread",  # Python, whose threads need a stack
    "bad_alloc", "can't allocate memory", "Failed to allocate memory",  # libstdc++, torch, onnxruntime
)  # fmt: skip
# Moonshine reports "Unknown error", and leaves up to 28 MB of the address space that were not enough for it.
_ROOM = 128 << 20


class PrivateMemory:
    """The private memory of this process and those it started: all but pages of files, which the kernel may drop.

    It is looked at now and then, and between two looks the peak may be missed. The kernel's own high-water mark closes
    that gap, less the most of it that files ever were; for the jobs, once it is higher than the load's.

    Attributes:
        now: bytes at the last look; 0 where the system does not tell.
        peak: the most so far, of the load, and after `loaded` of the jobs.
    """

    def __init__(self) -> None:
        self.now = self.peak = 0
        self._mapped = 0
        self._load_high = 0  # the high-water mark of the load

    def look(self) -> None:
        """Measures; takes 0.05 ms."""
        own = _sizes("self")
        self._mapped = max(self._mapped, own.get(b"RssFile:", 0))
        self.now = sum(map(_private, (own, *map(_sizes, descendants("self")))))
        high = own.get(b"VmHWM:", 0)
        self.peak = max(self.peak, self.now, high - self._mapped if high > self._load_high else 0)

    def loaded(self) -> tuple[int, int]:
        """Measures, returns what the model takes and the peak of its load, and begins the peak of the jobs."""
        self.look()
        self._load_high = _sizes("self").get(b"VmHWM:", 0)
        peak, self.peak = max(self.peak, _template_peak), self.now
        return self.now, peak


def loaded_before_fork() -> None:
    """Keeps the peak of this process's load, a template's, for the workers that will be forked from it."""
    global _template_peak
    memory = PrivateMemory()
    memory.look()
    _template_peak = memory.peak


def pss() -> int:
    """The proportional set size in bytes of this process and those it started, 0 where unknown.

    In a process that was forked from a template, all memory that they share counts: it stays when the template goes.
    """
    own = _unshared("self") if forked else _pss("self")
    return own + sum(map(_pss, descendants("self")))


def cpu() -> float:
    """Seconds of CPU time that this process and those it started have used: a program's work for us is our work."""
    times = os.times()
    seconds = time.process_time() + times.children_user + times.children_system
    if sys.platform == "linux":
        return seconds + sum(map(_cpu, descendants("self")))
    import psutil  # 17 ms of import; on Linux no worker needs it

    for child in psutil.Process().children(recursive=True):
        try:
            seconds += sum(child.cpu_times()[:2])
        except psutil.Error:
            pass  # it has exited
    return seconds


def short_of_memory(error: BaseException | None) -> bool:
    """Returns whether something failed because memory ran out, which engines report as a broken installation.

    Looks at `error` and its causes and, where a library failed, at how much this process may still map.
    """
    root = error
    while error is not None:
        if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY):
            return True
        root, error = error, error.__cause__ or error.__context__
    if root is None or isinstance(root, HushdError):  # ours, such as a file that is not there
        return False
    try:
        mmap.mmap(-1, _ROOM, mmap.MAP_PRIVATE).close()  # takes no page
    except (OSError, MemoryError):
        return True
    return False


def address_space() -> int:
    """The bytes of address space that this process may have (`ulimit -v`), 0 where there is no such limit.

    Mapped files and the stacks of threads are among them, so the limit is none on memory, and no part of a budget.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return 0 if limit == resource.RLIM_INFINITY else limit


def _sizes(process: str) -> dict[bytes, int]:
    """The sizes in a process's status, in bytes; none where it is gone, or this is not Linux."""
    try:
        with open(f"/proc/{process}/status", "rb") as file:
            rows = (line.split() for line in file if line.endswith(b" kB\n"))
            return {row[0]: int(row[1]) * 1024 for row in rows}
    except (OSError, ValueError, IndexError):
        return {}


def _private(sizes: dict[bytes, int]) -> int:
    return sizes.get(b"RssAnon:", 0) + sizes.get(b"RssShmem:", 0)


def _pss(process: str) -> int:
    try:
        with open(f"/proc/{process}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return 0


def _unshared(process: str) -> int:
    """The set size of a process by which anonymous memory counts in full, though others share it."""
    try:
        with open(f"/proc/{process}/smaps_rollup", "rb") as file:
            sizes = {line.split()[0]: int(line.split()[1]) * 1024 for line in file if line.endswith(b"kB\n")}
        return sizes[b"Pss:"] - sizes[b"Pss_Anon:"] + sizes[b"Anonymous:"]
    except (OSError, ValueError, KeyError):
        return _pss(process)


def _cpu(process: str) -> float:
    """The CPU seconds of a process and of those that it has waited for."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()  # the name before may hold anything
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICK
