"""Samples the memory of a process tree over time, and draws it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import psutil
from picture import draw

NAMES = ("supervisor", "TTS worker", "STT worker")


def by_process(root: psutil.Process) -> dict[str, tuple[float, float]]:
    """PSS and RSS by name of a process and all below it; MB are 10^6 bytes."""
    found: dict[str, tuple[float, float]] = {}
    for process in (root, *root.children(recursive=True)):
        try:
            memory = process.memory_full_info() if psutil.LINUX else process.memory_info()
            name = kind(process)
        except psutil.Error:
            continue
        pss, rss = found.get(name, (0.0, 0.0))
        found[name] = (pss + getattr(memory, "pss", memory.rss) / 1e6, rss + memory.rss / 1e6)
    return found


def kind(process: psutil.Process) -> str:
    """Names a process of hushd, by its command line."""
    kinds = {"worker_tts": "TTS worker", "worker_stt": "STT worker", "worker_models": "models worker"}
    command = " ".join(process.cmdline())
    return next((name for word, name in kinds.items() if word in command), "supervisor")


def tree_mb(root: psutil.Process) -> tuple[dict[str, float], float]:
    """PSS by process of a process and all below it, and the sum of their RSS."""
    found = by_process(root)
    return {name: pss for name, (pss, _) in found.items()}, sum(rss for _, rss in found.values())


def own_mb(process: psutil.Process) -> float:
    """Returns what a process has written, which no other program changes by coming or going: on Linux not PSS or USS,
    which count the pages of files by who else has them, but RSS without these and without shared memory."""
    memory = process.memory_info()
    return (memory.rss - memory.shared if psutil.LINUX else process.memory_full_info().uss) / 1e6


class Watch(threading.Thread):
    """Samples the tree's memory every `pause` seconds until stopped; what happens meanwhile can be marked."""

    def __init__(self, root: psutil.Process, pause: float = 0.05) -> None:
        super().__init__(daemon=True)
        self.root = root
        self.pause = pause
        self.began = time.monotonic()
        self.samples: list[tuple[float, dict[str, float], float]] = []
        self.own: list[float] = []  # the root's own memory at the same times
        self.marks: list[tuple[float, str]] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(self.pause):
            self.own.append(own_mb(self.root))
            self.samples.append((time.monotonic() - self.began, *tree_mb(self.root)))

    def stop(self) -> None:
        self.over.set()
        self.join()

    def mark(self, words: str) -> None:
        self.marks.append((time.monotonic() - self.began, words))

    def peak(self) -> tuple[dict[str, float], float]:
        return max(((pss, rss) for _, pss, rss in self.samples), key=lambda sample: sum(sample[0].values()))

    def draw(self, path: Path, title: str, *, own: bool = False) -> None:
        """Writes the picture; with `own`, the root's own memory is shown once more on a scale of its own."""
        picture = draw(
            title,
            [second for second, _, _ in self.samples],
            {name: [pss.get(name, 0.0) for _, pss, _ in self.samples] for name in NAMES},
            self.marks,
            ("supervisor alone, what it has written, MB", self.own) if own else None,
        )
        path.write_text(picture)
