"""What is remembered of a worker's crashes, and what follows from it."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field

BACKOFF_S = 0.5  # before the first restart, doubling
BACKOFF_MAX_S = 30.0
STEADY_S = 60.0  # of being ready, after which the next crash starts at BACKOFF_S again
WINDOW_S = 300.0
LIMIT = 4  # crashes in WINDOW_S that no request explains: the worker is closed
COOLDOWN_S = 120.0  # for how long

Key = tuple[bytes, bytes]


@dataclass(slots=True)
class Crashes:
    """The crashes of one worker in the last five minutes. `total` is never reset."""

    total: int = 0
    _times: list[tuple[float, frozenset[Key]]] = field(default_factory=list)
    _delay: float = BACKOFF_S

    def add(self, now: float, running: frozenset[Key], ready_for: float) -> None:
        """One crash, under the requests `running`, after `ready_for` seconds of being ready."""
        self.total += 1
        self._times = [entry for entry in self._times if now - entry[0] < WINDOW_S]
        self._times.append((now, running))
        if ready_for >= STEADY_S:
            self._delay = BACKOFF_S

    def explain(self, poison: Key) -> None:
        """The crashes under request `poison` were its own: they count for nothing else."""
        self._times = [entry for entry in self._times if poison not in entry[1]]

    def too_many(self) -> bool:
        return len(self._times) >= LIMIT

    def __bool__(self) -> bool:
        return bool(self._times)

    def next_delay(self) -> float:
        """Seconds to wait before the next start."""
        delay, self._delay = self._delay, min(BACKOFF_MAX_S, self._delay * 2)
        return delay

    def forget(self) -> None:
        self._times.clear()
        self._delay = BACKOFF_S


def describe_exit(status: int, killed_by_us: bool, out_of_memory: bool = False) -> str:
    """How a process ended, in words; `status` as in Popen.returncode.

    `out_of_memory`: while it lived, the kernel killed some process of ours for want of memory.
    """
    if status >= 0:
        return f"exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if name == "SIGKILL":
        if killed_by_us:
            return "killed by hushd for not answering"
        return "killed by the system, out of memory" if out_of_memory else "killed by SIGKILL, perhaps out of memory"
    return f"killed by {name}"


def last_line(log_tail: str) -> str:
    """The end of a log as a clause for an error's sentence."""
    lines = [line.strip() for line in log_tail.splitlines() if line.strip()]
    return f"; its log ends: {lines[-1][:200]}" if lines else ""
