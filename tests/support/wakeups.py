"""Tells whether a process rests: threads that are not scheduled."""

from __future__ import annotations

import time
from pathlib import Path

from .peer import wait_until

REST_S = 1.5


def comes_to_rest(pid: int) -> None:
    """Waits until no thread of a process was scheduled for `REST_S`: with a timer below it, never."""

    def rests() -> bool:
        before = _switches(pid)
        time.sleep(REST_S)
        return _switches(pid) == before

    wait_until(rests, f"{REST_S} s without a wake-up")


def _switches(pid: int) -> int:
    lines = [
        line for task in Path(f"/proc/{pid}/task").iterdir() for line in (task / "status").read_text().splitlines()
    ]
    return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
