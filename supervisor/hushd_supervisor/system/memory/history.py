"""The record of memory in the state folder: a line at each start, exit and beat that comes anyway.

Nothing is sampled for it, so it wakes nobody: `hushd top --history` draws what these lines say.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hushd_protocol.messages import Beat, Ready
from hushd_protocol.system import best_effort, log_files
from hushd_protocol.system.footprint import rss

from hushd_supervisor.core.events import Event, Exited, FromWorker, Seen, Spawned, TemplateGone, TemplateReady
from hushd_supervisor.core.standby import PREFIX

from ..source import Source

SUPERVISOR = "supervisor"  # the name in its own lines
CHANGE = 1_000_000  # bytes; a beat that reports less of a change
QUIET_S = 60.0  # and comes sooner than this adds no line


class History(Source):
    """Appends lines `TIME EVENT NAME PRIVATE SUPERVISOR MAPPED`, TIME in seconds since 1970, to the file `path`.

    The events are `start`, `ready`, `beat` and `exit`; PRIVATE and MAPPED are the worker's bytes that no file has, and
    its part of mapped files' pages, SUPERVISOR the supervisor's bytes. Of graphics cards there are lines
    `TIME card ID TOTAL FREE DEVICE NAME` after a look, and `TIME taken WORKER ID=BYTES …` where a worker takes another
    part. A file over 1 MB is moved to `path`.1, so there are two at most. A record that cannot be written is not an
    error.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._written: dict[str, tuple[int, float]] = {}  # the last size of each worker, and when
        self._taken: dict[str, Mapping[str, int]] = {}  # the last part of cards of each worker that has one
        self._free: dict[str, int] = {}  # of each card, at the last line

    def begin(self) -> None:
        """Records the supervisor's start: workers of an earlier one that had no time to record their exits are gone."""
        self._append("start", SUPERVISOR)

    def close(self) -> None:
        """Records that the supervisor leaves."""
        self._append("exit", SUPERVISOR)

    def look(self, event: Event, now: float) -> None:
        """Records what `event` reports of a process: its start, its size, or its end."""
        self._look_at_cards(event)
        match event:
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

    def _look_at_cards(self, event: Event) -> None:
        """Records what `event` reports of graphics cards, where that is another than before."""
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
        before, when = self._written.get(worker, (0, 0.0))
        return abs(size - before) >= CHANGE or not 0 <= self._clock() - when < QUIET_S

    def _append(self, event: str, name: str, size: int = 0, private: int = 0) -> None:
        """Writes a line; without `private`, where a system does not tell it, the whole `size` is that."""
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
