"""The wear of a worker's process: the CPU time that it spends, and the limits at which it is replaced."""

from __future__ import annotations

import math

from hushd_schema.settings import WorkerSettings

AGE_S = 86400.0  # at which a process is used up, whatever else it is
CPU_S = 0.05  # of CPU time that are a sign of work; a beat alone costs 1 ms


def ceiling(size: int) -> float:
    """The size at which a process that had `size` bytes when it became ready is used up.

    More than any long job takes, but soon reached by a leak: one engine is known to leak 24 MB a request.
    """
    return 2 * size + 1e9 if size else math.inf


class Wear:
    """The wear of one process, from its start."""

    def __init__(self) -> None:
        self._cpu_s = 0.0
        self._beat_cpu_s: float | None = None
        self._ceiling = math.inf

    def loaded(self, size: int) -> None:
        """Takes the size of the process that has become ready."""
        self._ceiling = ceiling(size)

    def has_worked(self, cpu_s: float) -> bool:
        """Returns whether the process, at `cpu_s` of CPU time, has worked since this last returned True."""
        if cpu_s - self._cpu_s < CPU_S:
            return False
        self._cpu_s = cpu_s
        return True

    def spent(self, cpu_s: float) -> float:
        """The CPU time since the previous beat, for a process that is at `cpu_s` now."""
        previous, self._beat_cpu_s = self._beat_cpu_s, cpu_s
        return 0.0 if previous is None else max(0.0, cpu_s - previous)

    def used_up(self, limits: WorkerSettings, jobs_done: int, size: int, age: float) -> str:
        """The limit that the process has reached with `jobs_done` jobs and `size` bytes; empty for none."""
        if size >= (limits.max_pss_mb * 1e6 or self._ceiling) and jobs_done > 0:
            return f"used up: {size / 1e6:.0f} MB"
        if age >= AGE_S:
            return f"used up: {age:.0f} s old"
        return ""
