"""Reads the memory of processes: private memory, and pages of files that the kernel can drop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Held:
    """MB of 10^6 bytes, shared pages divided among those who have them (PSS).

    Attributes:
        private: memory that a process has written.
        mapped: pages of files, which the kernel drops when it needs the room.
    """

    private: float = 0.0
    mapped: float = 0.0


def parsed(rollup: str) -> Held:
    """The figures of a /proc/PID/smaps_rollup."""
    kb = {line.split(":")[0]: int(line.split()[1]) for line in rollup.splitlines() if line.endswith(" kB")}
    return Held((kb["Pss_Anon"] + kb.get("Pss_Shmem", 0)) * 1.024e-3, kb["Pss_File"] * 1.024e-3)


def held(process: psutil.Process) -> Held:
    """Returns the memory of one process; zero once it has ended."""
    try:
        return parsed(Path(f"/proc/{process.pid}/smaps_rollup").read_text())
    except (OSError, KeyError):
        return Held()


@dataclass
class Recording(threading.Thread):
    """Samples `look` every `pause` seconds until it is stopped."""

    look: Callable[[], Mapping[str, Held]]
    pause: float = 0.25
    samples: list[tuple[float, Mapping[str, Held]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self._began, self._over = time.monotonic(), threading.Event()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        while not self._over.wait(self.pause):
            self.samples.append((time.monotonic() - self._began, self.look()))

    def stop(self) -> None:
        self._over.set()
        self.join()
