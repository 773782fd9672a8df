"""The memory record in the state folder: a line per start, exit and changed size, drawn by `hushd top --history`.

It only uses events that come anyway, so it never wakes the supervisor.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hushd_protocol.messages import Beat, Ready
from hushd_protocol.system import best_effort, log_files
from hushd_protocol.system.footprint import rss

from hushd_supervisor.core.events import (
    Event,
    Exited,
    FromNeighbour,
    FromWorker,
    Seen,
    Spawned,
    TemplateGone,
    TemplateReady,
)
from hushd_supervisor.core.standby import PREFIX

from ..source import Source

SUPERVISOR = "supervisor"  # the supervisor's name in the record
CHANGE = 1_000_000  # bytes: a beat with a smaller change
QUIET_S = 60.0  # within this time adds no line


class History(Source):
    """Appends lines `TIME EVENT NAME PRIVATE SUPERVISOR MAPPED`, TIME in seconds since 1970, to the file `path`.

    The events are `start`, `ready`, `beat` and `exit`. PRIVATE is the worker's memory without pages of files, MAPPED
    its pages of mapped files, SUPERVISOR the supervisor's memory, all in bytes. For graphics cards there are lines
    `TIME card ID TOTAL FREE DEVICE NAME` after a look, and `TIME taken WORKER ID=BYTES …` when a worker's share
    changes. `TIME neighbour NAME BYTES` has the memory that a neighbour holds, by its answer. A file over 1 MB is moved
    to `path`.1, so there are at most two. A failed write is ignored.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._written: dict[str, tuple[int, float]] = {}  # by worker: its last recorded size, and when
        self._taken: dict[str, Mapping[str, int]] = {}  # by worker: its last recorded share of the cards
        self._free: dict[str, int] = {}  # by card: its last recorded free memory
        self._held: dict[str, dict[str, int]] = {}  # by neighbour: the memory of its models

    def begin(self) -> None:
        """Records the supervisor's start, which also ends any workers of an earlier one without recorded exits."""
        self._append("start", SUPERVISOR)

    def close(self) -> None:
        """Records the supervisor's exit."""
        self._append("exit", SUPERVISOR)

    def look(self, event: Event, now: float) -> None:
        """Records the start, size or end of a process that `event` reports."""
        self._look_at_cards(event)
        match event:
            case FromNeighbour("look", name, holds=holds, error="") if name:
                self._held[name] = {hold.model: hold.ram for hold in holds}
                self._append_neighbour(name)
            case FromNeighbour("give", name, model, sleeps=False, error="") if model in self._held.get(name, ()):
                del self._held[name][model]
                self._append_neighbour(name)
            case Spawned(worker):
                self._append("start", worker)
            case FromWorker(worker, _, Ready(pss=size, private=private)):
                self._append("ready", worker, size, private)
            case FromWorker(worker, _, Beat(pss=size, private=private)) if self._is_news(worker, size):
                self._append("beat", worker, size, private)
            case TemplateReady(name, _, size) if self._is_news(PREFIX + name, size):
                self._append("beat" if PREFIX + name in self._written else "ready", PREFIX + name, size)
            case Exited(name) | TemplateGone(name):
                name = name if isinstance(event, Exited) else PREFIX + name
                self._append("exit", name)
                self._written.pop(name, None)

    def _append_neighbour(self, name: str) -> None:
        self._write(f"neighbour {name} {sum(self._held[name].values())}")

    def _look_at_cards(self, event: Event) -> None:
        """Records changed figures of graphics cards that `event` reports."""
        match event:
            case Seen(cards):
                for card in cards:
                    if card.total and abs(card.free - self._free.get(card.id, -CHANGE)) >= CHANGE:
                        self._free[card.id] = card.free
                        self._write(f"card {card.id} {card.total} {card.free} {card.device} {card.name}")
            case FromWorker(worker, _, Ready(cards=sizes) | Beat(cards=sizes)) if sizes:
                if sizes == self._taken.get(worker):
                    return
                self._taken[worker] = sizes
                self._write(f"taken {worker} {' '.join(f'{id}={size}' for id, size in sizes.items())}")
            case Exited(worker):
                self._taken.pop(worker, None)

    def _is_news(self, worker: str, size: int) -> bool:
        last_size, written_at = self._written.get(worker, (0, 0.0))
        return abs(size - last_size) >= CHANGE or not 0 <= self._clock() - written_at < QUIET_S

    def _append(self, event: str, name: str, size: int = 0, private: int = 0) -> None:
        """Writes a line; if the system does not report `private`, the whole `size` counts as private."""
        private = private or size
        self._written[name] = size, self._clock()
        self._write(f"{event} {name} {private} {rss()} {max(0, size - private)}")

    def _write(self, words: str) -> None:
        with best_effort.writing(self._path):
            descriptor = log_files.open_file(self._path)
            try:
                os.write(descriptor, f"{self._clock():.2f} {' '.join(words.split())}\n".encode())
            finally:
                os.close(descriptor)
