"""Measures CPU time and memory of this process and its children, and tells whether a failure was a lack of memory."""

from __future__ import annotations

import os
import sys
import time

from hushd_protocol.system.cgroup import Cgroup
from hushd_protocol.system.footprint import cpu_s, descendants, machine, rss

_SCARCE = 250_000_000  # bytes: a second window of Whisper base, encoded and read, takes 200 MB
elsewhere = 0  # bytes that work for this process takes in none of its children, but in a container
_NO_MEMORY = (
    "failed to map segment from shared object", "Cannot allocate memory",  # glibc
    "can't start new thread",  # Python, whose threads need a stack
    "bad_alloc", "can't allocate memory",  # libstdc++, torch
    "Failed to allocate memory", "is smaller than requested bytes",  # onnxruntime
)  # fmt: skip


def scarce() -> bool:
    """Returns whether so little memory is available that work which can be done one after another should be."""
    try:
        return machine(Cgroup.own()).available < _SCARCE
    except OSError:
        return False


class PrivateMemory:
    """The private memory of this process and its children: everything except pages of files, which the kernel may drop.

    It is measured from time to time, so a peak in between may be missed. The kernel's high-water mark, less the maximum
    of its file pages, closes that gap; for jobs, once it is higher than the load's.

    Attributes:
        now: the bytes at the last measurement; 0 if the system does not report them.
        peak: the maximum so far, of the load, and after `loaded` of the jobs.
    """

    def __init__(self) -> None:
        self.now = self.peak = 0
        self._mapped = 0
        self._load_high = 0  # the high-water mark of the load

    def measure(self) -> None:
        """Measures the memory, in 0.05 ms."""
        own = _sizes("self")
        self._mapped = max(self._mapped, own.get(b"RssFile:", 0))
        self.now = elsewhere + sum(map(_private, (own, *map(_sizes, descendants("self")))))
        high = own.get(b"VmHWM:", 0)
        self.peak = max(self.peak, self.now, high - self._mapped if high > self._load_high else 0)

    def loaded(self) -> tuple[int, int]:
        """Measures the memory, returns the model's size and the peak of its load, and starts the peak of the jobs."""
        self.measure()
        self._load_high = _sizes("self").get(b"VmHWM:", 0)
        peak, self.peak = self.peak, self.now
        return self.now, peak


def pss() -> int:
    """Returns the proportional set size in bytes of this process, 0 if unknown, and its children's resident sets: a
    proportional set is read under its process's lock, which one that maps gigabytes holds for seconds on a busy disk,
    and no beat may wait for that."""
    return _own_pss() + sum(map(rss, descendants("self")))


def cpu() -> float:
    """Returns the seconds of CPU time that this process and its children have used, since they work for this
    process."""
    times = os.times()
    seconds = time.process_time() + times.children_user + times.children_system
    if sys.platform == "linux":
        return seconds + sum(map(cpu_of, descendants("self")))
    import psutil  # takes 17 ms, and is not needed on Linux

    for child in psutil.Process().children(recursive=True):
        try:
            seconds += sum(child.cpu_times()[:2])
        except psutil.Error:
            pass  # it has exited
    return seconds


def chain(error: BaseException | None) -> list[BaseException]:
    """Returns `error` and those that led to it, each once: an error can be its own cause."""
    errors: list[BaseException] = []
    while error is not None and error not in errors:
        errors.append(error)
        error = error.__cause__ or error.__context__
    return errors


def short_of_memory(error: BaseException | None) -> bool:
    """Returns whether `error`, or one of its causes, says that memory ran out: engines call that a broken
    installation."""
    return any(
        isinstance(each, MemoryError) or any(words in str(each) for words in _NO_MEMORY) for each in chain(error)
    )


def _sizes(process: str) -> dict[bytes, int]:
    """Returns the sizes in a process's status, in bytes; none if it has ended, or this is not Linux."""
    try:
        with open(f"/proc/{process}/status", "rb") as file:
            rows = (line.split() for line in file if line.endswith(b" kB\n"))
            return {row[0]: int(row[1]) * 1024 for row in rows}
    except (OSError, ValueError, IndexError):
        return {}


def _private(sizes: dict[bytes, int]) -> int:
    return sizes.get(b"RssAnon:", 0) + sizes.get(b"RssShmem:", 0)


def _own_pss() -> int:
    try:
        with open("/proc/self/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return 0


def cpu_of(process: str) -> float:
    """Returns the CPU seconds of a process and of its children that have ended."""
    try:
        return cpu_s(process)
    except OSError:
        return 0.0
