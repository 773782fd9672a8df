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

    def __add__(self, other: Held) -> Held:
        return Held(self.private + other.private, self.mapped + other.mapped)


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


def by_kind(root: psutil.Process) -> dict[str, Held]:
    """Returns the memory of a process and its descendants by kind: `STT worker`, `TTS worker`, and `supervisor` for the
    rest."""
    found: dict[str, Held] = {}
    kinds = {"worker_stt": "STT worker", "worker_tts": "TTS worker"}
    for process in (root, *root.children(recursive=True)):
        try:
            command = " ".join(process.cmdline())
        except psutil.Error:
            continue
        name = next((kind for word, kind in kinds.items() if word in command), "supervisor")
        found[name] = found.get(name, Held()) + held(process)
    return found


@dataclass
class Recording(threading.Thread):
    """Samples `look` every `pause` seconds until it is stopped, and remembers when stages began."""

    look: Callable[[], Mapping[str, Held]]
    pause: float = 0.25
    samples: list[tuple[float, Mapping[str, Held]]] = field(default_factory=list)
    stages: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self._began, self._over = time.monotonic(), threading.Event()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        while not self._over.wait(self.pause):
            self.samples.append((time.monotonic() - self._began, self.look()))

    def stage(self, name: str) -> None:
        """Begins a stage."""
        self.stages.append((time.monotonic() - self._began, name))

    def stop(self) -> None:
        self._over.set()
        self.join()

    def within(self, name: str) -> list[tuple[float, Mapping[str, Held]]]:
        """The samples of a stage, at shares from 0 to 1 of its time."""
        return within(self.samples, self.stages, name)

    def last(self, name: str) -> Held:
        """Returns the memory of all processes at the end of a stage."""
        return total(self.within(name)[-1][1])

    def peak(self, name: str) -> float:
        """Returns the peak of private memory in a stage."""
        return max(total(sample).private for _, sample in self.within(name))


def within(
    samples: list[tuple[float, Mapping[str, Held]]], stages: list[tuple[float, str]], name: str
) -> list[tuple[float, Mapping[str, Held]]]:
    """The samples between a stage's beginning and the next one's, at shares from 0 to 1 of that time."""
    place = next(place for place, (_, stage) in enumerate(stages) if stage == name)
    begin = stages[place][0]
    end = stages[place + 1][0] if place + 1 < len(stages) else max(samples[-1][0], begin)
    return [((second - begin) / max(end - begin, 1e-9), sample) for second, sample in samples if begin <= second <= end]


def total(sample: Mapping[str, Held]) -> Held:
    return sum(sample.values(), Held())
