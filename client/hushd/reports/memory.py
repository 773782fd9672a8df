"""Memory over time, by the supervisor's record, beside a server that never unloads; a stretch of it, also as JSON."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Self

from hushd_protocol import JsonObject

if TYPE_CHECKING:
    from hushd_schema.status import Status, SupervisorStatus, WorkerStatus

SUPERVISOR = "supervisor"
_NO_MODEL = "models/"  # downloads: a server that never unloads would not keep that process either


class Entry(NamedTuple):
    """An entry of the record, in seconds since 1970 and bytes.

    Attributes:
        event: `start`, `ready`, `beat` or `exit`.
        name: of the worker, or `supervisor`.
        size: the worker's private memory; pages of mapped files, which the kernel may drop, nobody holds.
        supervisor: the supervisor's memory.
    """

    time: float
    event: str
    name: str
    size: int = 0
    supervisor: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """The private bytes of each process, from `time` until the next moment.

    Attributes:
        supervisor: 0 while none runs.
        workers: by name.
        resident: what a server would hold that has used the same models and unloads none: each with the most that its
            worker has held so far, since such a server gives nothing back. It never falls.
    """

    time: float
    supervisor: int
    workers: Mapping[str, int]
    resident: int

    @property
    def total(self) -> int:
        """All that hushd holds."""
        return self.supervisor + sum(self.workers.values())


def from_data(data: JsonObject) -> list[Entry]:
    """Returns the entries in the answer to the control `memory`, the oldest first."""
    names = data["names"]
    entries = (Entry(time, event, names[name], *sizes[:2]) for time, event, name, *sizes in data["entries"])
    return sorted(entries, key=lambda entry: entry.time)  # a clock may have been set back


def until_now(entries: Sequence[Entry], status: Status, now: float) -> list[Entry]:
    """Returns `entries` up to `now`, with the sizes in the supervisor's `status`.

    Entries later than `now` were made before the clock was set back; they are left out, since their time is unknown.
    """
    entries = [entry for entry in entries if entry.time <= now]
    supervisor_size = _bytes(status.supervisor)
    sizes = {worker.name: _private(worker) for worker in status.workers if worker.pid}
    gone = [Entry(now, "exit", name, 0, supervisor_size) for name in _alive(entries) if name not in sizes]
    current = [Entry(now, "beat", name, size, supervisor_size) for name, size in sizes.items()]
    return [*entries, Entry(now, "beat", SUPERVISOR, 0, supervisor_size), *gone, *current]


def _alive(entries: Iterable[Entry]) -> set[str]:
    """Returns the names of the workers that lived at the end."""
    alive: set[str] = set()
    for entry in entries:
        if entry.name == SUPERVISOR:
            alive = set() if entry.event != "beat" else alive
        elif entry.event == "exit":
            alive.discard(entry.name)
        else:
            alive.add(entry.name)
    return alive


def since(entries: Sequence[Entry], start: float) -> list[Entry]:
    """Returns the entries from `start` on, preceded by the entries that tell the memory held, and used, at `start`."""
    earlier_entries = [entry for entry in entries if entry.time < start]
    last = {entry.name: entry for entry in earlier_entries}
    largest = {entry.name: entry for entry in sorted(earlier_entries, key=lambda entry: entry.size)}
    supervisor_peak = sorted(earlier_entries, key=lambda entry: entry.supervisor)[-1:]
    earlier = sorted({*last.values(), *largest.values(), *supervisor_peak}, key=earlier_entries.index)
    return [*earlier, *entries[len(earlier_entries) :]]


def _bytes(process: SupervisorStatus | WorkerStatus) -> int:
    return int((process.pss_mb or process.rss_mb or 0.0) * 1e6)


def _private(worker: WorkerStatus) -> int:
    """The private bytes of a worker; where the system tells none, all of it."""
    size = _bytes(worker)
    return min(size, int((worker.private_mb or 0.0) * 1e6)) or size


def moments(entries: Iterable[Entry]) -> list[Moment]:
    """Returns the memory held after each of `entries`."""
    held_after: list[Moment] = []
    held: dict[str, int] = {}  # the most that each model's worker has held, by the model's name
    workers: dict[str, int] = {}
    supervisor = supervisor_peak = 0
    for entry in entries:
        supervisor = entry.supervisor
        if entry.name == SUPERVISOR:
            if entry.event != "beat":  # workers of one that was killed have ended with it
                workers = {}
            supervisor = 0 if entry.event == "exit" else supervisor
        elif entry.event == "exit":
            workers = {name: size for name, size in workers.items() if name != entry.name}
        else:
            workers = {**workers, entry.name: entry.size}
        if entry.size and "#" not in entry.name and not entry.name.startswith(_NO_MODEL):
            held[entry.name] = max(entry.size, held.get(entry.name, 0))
        supervisor_peak = max(supervisor_peak, entry.supervisor)
        held_after.append(Moment(entry.time, supervisor, workers, supervisor_peak + sum(held.values())))
    return held_after


def window(moments: Sequence[Moment], start: float, end: float) -> list[Moment]:
    """The moments from `start` to `end`: the first is that of `start`, the last that of `end`."""
    first = bisect_right(moments, start, key=lambda moment: moment.time) - 1
    last_moment = moments[first] if first >= 0 else Moment(start, 0, {}, 0)
    inside = [moment for moment in moments[first + 1 :] if moment.time <= end]
    return [replace(last_moment, time=start), *inside, replace((inside or [last_moment])[-1], time=end)]


def highest(moments: Sequence[Moment], count: int) -> list[Moment]:
    """`count` equal parts of a window, each shown by its moment of most memory and its highest `resident`."""
    start, end = moments[0].time, moments[-1].time
    if start >= end:  # a part of so short a window is all of it
        return [_highest(moments, start)] * count
    parts: list[list[Moment]] = [[] for _ in range(count)]
    for moment, following in pairwise(moments):
        first, last = (int((time - start) / (end - start) * count) for time in (moment.time, following.time))
        for part in parts[first : max(first, min(last, count - 1)) + 1]:
            part.append(moment)
    parts[-1].append(moments[-1])
    return [_highest(part, start + (end - start) * index / count) for index, part in enumerate(parts)]


def _highest(part: Sequence[Moment], time: float) -> Moment:
    most = max(part, key=lambda moment: moment.total)
    return replace(most, time=time, resident=max(moment.resident for moment in part))


def mean(moments: Sequence[Moment]) -> tuple[float, float]:
    """Returns the average of bytes held over a window, and of those that a server would have held."""
    span = moments[-1].time - moments[0].time
    if span <= 0:
        return float(moments[-1].total), float(moments[-1].resident)
    times = [(moment, following.time - moment.time) for moment, following in pairwise(moments)]
    total = math.fsum(moment.total * seconds for moment, seconds in times)
    return total / span, math.fsum(moment.resident * seconds for moment, seconds in times) / span


@dataclass(frozen=True, slots=True)
class Window:
    """The record from `start` to `end`, in seconds since 1970."""

    start: float
    end: float
    entries: Sequence[Entry]
    moments: Sequence[Moment]

    @classmethod
    def last(cls, span: float, entries: Sequence[Entry], status: Status, now: float) -> Self:
        """The last `span` seconds of `entries`, with what the supervisor of this `status` holds `now`."""
        entries = until_now(entries, status, now)
        start = max(now - span, entries[0].time)
        return cls(start, now, entries, window(moments(entries), start, now))

    @property
    def changes(self) -> list[Entry]:
        """The starts and exits."""
        return [e for e in self.entries if e.event in ("start", "exit") and self.start <= e.time <= self.end]

    def data(self, points: int = 0) -> JsonObject:
        """The object under `memory` in `GET /v1/activity`; with `points`, thinned to that many equal parts."""
        held, theirs = mean(self.moments)
        moments = highest(self.moments, points) if points else self.moments
        return {
            "start": self.start,
            "end": self.end,
            "mean_mb": round(megabytes(held), 1),
            "never_unloaded_mean_mb": round(megabytes(theirs), 1),
            "moments": [_moment(moment) for moment in moments],
            "events": [{"time": entry.time, "event": entry.event, "name": entry.name} for entry in self.changes],
        }


def megabytes(size: float) -> float:
    """MB of bytes."""
    return size / 1e6


def _moment(moment: Moment) -> JsonObject:
    return {
        "time": moment.time,
        "supervisor_mb": round(megabytes(moment.supervisor), 1),
        "workers_mb": {name: round(megabytes(size), 1) for name, size in moment.workers.items()},
        "never_unloaded_mb": round(megabytes(moment.resident), 1),
    }
