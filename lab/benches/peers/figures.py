"""The figures of one peer, measured in the same way for all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

import psutil

QUIET_S = 10.0  # over which wake-ups are counted
COLD, WARM = 3, 9  # runs


@dataclass
class Figures:
    """A row of the table; None if a figure does not apply.

    Attributes:
        how: what was run, in a few words.
        idle_mb, after_mb: PSS of all its processes before the first request, and after use once it is idle.
        ready_s: from its start until it takes requests.
        cold_say_s, cold_listen_s: to the first audio of ten words and the text of ten seconds, with nothing loaded.
        warm_say_s, warm_listen_s: the same with the engines loaded.
        wakeups: context switches of all its threads in ten idle seconds.
    """

    name: str
    version: str
    how: str
    idle_mb: float | None = None
    ready_s: float | None = None
    cold_say_s: float | None = None
    cold_listen_s: float | None = None
    warm_say_s: float | None = None
    warm_listen_s: float | None = None
    after_mb: float | None = None
    wakeups: float | None = None

    @classmethod
    def of(cls, row: dict[str, object]) -> Figures:
        return cls(**{field.name: row.get(field.name) for field in fields(cls)})  # type: ignore[arg-type]


class Peer(Protocol):
    """A peer that runs.

    Attributes:
        root: all its processes are this one and those below it.
        say, listen: ask and return the seconds waited; None where it cannot.
        rest: waits until it has freed its memory by itself; None if it keeps its engines.
        colds: how often it is asked with nothing loaded.
    """

    root: psutil.Process
    say: Callable[[], float] | None
    listen: Callable[[], float] | None
    rest: Callable[[], None] | None
    colds: int


def measure(peer: Peer, figures: Figures) -> Figures:
    """Fills the figures in, but for how soon it was ready."""
    time.sleep(2)
    figures.idle_mb = pss(peer.root)
    figures.wakeups = wakeups(peer.root)
    for what in ("say", "listen"):
        ask = getattr(peer, what)
        if ask is None:
            continue
        if peer.rest:
            setattr(figures, f"cold_{what}_s", statistics.median(_cold(peer.rest, ask) for _ in range(peer.colds)))
        ask()
        setattr(figures, f"warm_{what}_s", statistics.median(ask() for _ in range(WARM)))
    if peer.say or peer.listen:
        if peer.rest:
            peer.rest()
        time.sleep(1)
        figures.after_mb = pss(peer.root)
    return figures


def _cold(rest: Callable[[], None], ask: Callable[[], float]) -> float:
    rest()
    return ask()


def tree(root: psutil.Process) -> list[psutil.Process]:
    return [root, *root.children(recursive=True)]


def pss(root: psutil.Process) -> float:
    """MB of all processes, shared pages divided by those that share them."""
    total = 0.0
    for process in tree(root):
        try:
            total += process.memory_full_info().pss / 1e6
        except psutil.Error:
            pass  # it has just left
    return total


def wakeups(root: psutil.Process) -> float:
    """Context switches of all threads in ten seconds."""
    before = _switches(root)
    time.sleep(QUIET_S)
    after = _switches(root)
    return sum(count - before.get(thread, 0) for thread, count in after.items())


def _switches(root: psutil.Process) -> dict[str, int]:
    """Context switches by thread, read from outside."""
    found = {}
    for process in tree(root):
        for task in Path(f"/proc/{process.pid}/task").glob("*"):
            try:
                lines = (task / "status").read_text().splitlines()
            except OSError:
                continue
            found[task.name] = sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return found
