"""The memory record: the last eight hours of starts, exits and changed sizes, kept in memory for the page's picture.

It only uses events that come anyway, so it never wakes the supervisor.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from hushd_protocol.messages import Beat, Ready, Result
from hushd_protocol.system.footprint import rss

from hushd_supervisor.core.actions import Action, ReportMemory, ToClient
from hushd_supervisor.core.events import Event, Exited, FromWorker, Spawned

from ..source import Outcome, Perform, Source

SUPERVISOR = "supervisor"  # the supervisor's name in the record
HISTORY_S = 8 * 3600.0
MOST = 1500  # entries, so that all of them fit into one message
CHANGE = 1_000_000  # bytes: a beat with a smaller change
ENTRY_INTERVAL_S = 60.0  # seconds between two entries


class Entry(NamedTuple):
    """An entry of the record, in bytes and seconds since 1970.

    Attributes:
        event: `start`, `ready`, `beat` or `exit`.
        size: the worker's memory without pages of files.
        mapped: the worker's pages of mapped files.
    """

    time: float
    event: str
    name: str
    size: int = 0
    supervisor: int = 0
    mapped: int = 0


class History(Source):
    """Keeps the entries of the last `HISTORY_S` seconds, and of the time before, for each name, its last entry and its
    largest, so that what was held at the beginning, and would be held without unloading, stays known."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque()
        self._last: dict[str, Entry] = {}  # last entries of those that were dropped, by name
        self._largest: dict[str, Entry] = {}
        self._noted: dict[str, tuple[int, float]] = {}  # last recorded size of a worker, and when

    def begin(self) -> None:
        """Records the supervisor's start."""
        self._append("start", SUPERVISOR)

    def actions(self) -> Mapping[type[Action], Perform]:
        return {ReportMemory: self._answer}

    def entries(self) -> list[Entry]:
        """Returns the record, the oldest entry first."""
        return [*sorted({*self._last.values(), *self._largest.values()}), *self._entries]

    def observe(self, event: Event, now: float) -> None:
        """Records the start, size or end of a process that `event` reports."""
        match event:
            case Spawned(worker):
                self._append("start", worker)
            case FromWorker(worker, _, Ready(pss=size, private=private)):
                self._append("ready", worker, size, private)
            case FromWorker(worker, _, Beat(pss=size, private=private)) if self._is_news(worker, size):
                self._append("beat", worker, size, private)
            case Exited(worker):
                self._append("exit", worker)

    def _answer(self, action: ReportMemory) -> Iterable[Outcome]:
        entries = self.entries()
        names = list(dict.fromkeys(entry.name for entry in entries))
        rows = [[*entry[:2], names.index(entry.name), *entry[3:]] for entry in entries]
        return (ToClient(action.route, Result(id=action.id, data={"names": names, "entries": rows})),)

    def _is_news(self, worker: str, size: int) -> bool:
        last_size, noted_at = self._noted.get(worker, (0, 0.0))
        return abs(size - last_size) >= CHANGE or not 0 <= self._clock() - noted_at < ENTRY_INTERVAL_S

    def _append(self, event: str, name: str, size: int = 0, private: int = 0) -> None:
        """Adds an entry; if the system does not report `private`, the whole `size` counts as private."""
        private = private or size
        now = self._clock()
        self._noted[name] = size, now
        self._entries.append(Entry(round(now, 2), event, name, private, rss(), max(0, size - private)))
        while len(self._entries) > MOST or self._entries[0].time < now - HISTORY_S:
            dropped = self._entries.popleft()
            self._last[dropped.name] = dropped
            self._largest[dropped.name] = max(dropped, self._largest.get(dropped.name, dropped), key=lambda e: e.size)
