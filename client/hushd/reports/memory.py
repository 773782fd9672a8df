"""Memory over time, by the supervisor's record, beside a server that never unloads; a stretch of it, also as JSON."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Self

from hushd_protocol import JsonObject
from hushd_protocol.light_dataclass import dataclass, field, replace

from hushd.reports.display import clock

if TYPE_CHECKING:
    from hushd_schema.status import Status, SupervisorStatus, TemplateStatus, WorkerStatus

SUPERVISOR = "supervisor"
_TEMPLATES = "standby/"  # a server that never unloads has none
_NO_MODEL = ("models/", _TEMPLATES)  # downloads: a server would not keep that process either


class Entry(NamedTuple):
    """An entry of the record, in seconds since 1970 and bytes.

    Attributes:
        event: `start`, `ready`, `beat` or `exit`.
        name: of the worker, or `supervisor`.
        size: the worker's private memory.
        supervisor: the supervisor's memory.
        mapped: the worker's part of mapped files' pages.
    """

    time: float
    event: str
    name: str
    size: int = 0
    supervisor: int = 0
    mapped: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """The private bytes of each process, from `time` until the next moment.

    Attributes:
        supervisor: 0 while none runs.
        workers: by name.
        resident: what a server would hold that has used the same models and unloads none: each with the most that its
            worker has held so far, since such a server gives nothing back. It never falls.
        mapped: bytes of mapped files by worker, which the kernel may drop and nobody holds.
    """

    time: float
    supervisor: int
    workers: Mapping[str, int]
    resident: int
    mapped: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All that hushd holds."""
        return self.supervisor + sum(self.workers.values())


def from_data(data: JsonObject) -> list[Entry]:
    """Returns the entries in the answer to the control `memory`, the oldest first."""
    names = data["names"]
    entries = (Entry(time, event, names[name], *sizes) for time, event, name, *sizes in data["entries"])
    return sorted(entries, key=lambda entry: entry.time)  # a clock may have been set back


def until_now(entries: Sequence[Entry], status: Status | None, now: float) -> list[Entry]:
    """Returns `entries` up to `now`: with the sizes in the supervisor's `status`, or with its end where there is none.

    Entries of a later time are of a clock that was set back since; when they were nobody knows, so they are left out.
    """
    entries = [entry for entry in entries if entry.time <= now]
    if status is None:
        over = not entries or entries[-1][1:3] == ("exit", SUPERVISOR)
        return [*entries, *([] if over else [Entry(entries[-1].time, "exit", SUPERVISOR)])]
    supervisor_size = _bytes(status.supervisor)
    sizes = {worker.name: _parts(worker) for worker in status.workers if worker.pid}
    sizes |= {f"{_TEMPLATES}{template.name}": (_private(template), 0) for template in status.standby if template.pid}
    gone = [Entry(now, "exit", name, 0, supervisor_size) for name in _alive(entries) if name not in sizes]
    current = [Entry(now, "beat", name, size, supervisor_size, mapped) for name, (size, mapped) in sizes.items()]
    return [*entries, Entry(now, "beat", SUPERVISOR, 0, supervisor_size), *gone, *current]


def _alive(entries: Iterable[Entry]) -> set[str]:
    """The workers that were there at last."""
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


def _private(template: TemplateStatus) -> int:
    return int((template.private_mb or 0.0) * 1e6)


def _bytes(process: SupervisorStatus | WorkerStatus) -> int:
    return int((process.pss_mb or process.rss_mb or 0.0) * 1e6)


def _parts(worker: WorkerStatus) -> tuple[int, int]:
    """The private and the mapped bytes of a worker, as it reports them itself."""
    size = _bytes(worker)
    private = min(size, int((worker.private_mb or 0.0) * 1e6)) or size
    return private, size - private


def moments(entries: Iterable[Entry]) -> list[Moment]:
    """Returns the memory held after each of `entries`."""
    held_after: list[Moment] = []
    held: dict[str, int] = {}  # by the model's name, the most that its worker has held
    workers: dict[str, int] = {}
    mapped: dict[str, int] = {}
    supervisor = supervisor_peak = 0
    for entry in entries:
        supervisor = entry.supervisor
        if entry.name == SUPERVISOR:
            if entry.event != "beat":  # workers of one that was killed have ended with it
                workers, mapped = {}, {}
            supervisor = 0 if entry.event == "exit" else supervisor
        elif entry.event == "exit":
            workers, mapped = _without(entry.name, workers), _without(entry.name, mapped)
        else:
            workers, mapped = {**workers, entry.name: entry.size}, {**mapped, entry.name: entry.mapped}
        if entry.size and "#" not in entry.name and not entry.name.startswith(_NO_MODEL):
            held[entry.name] = max(entry.size, held.get(entry.name, 0))
        supervisor_peak = max(supervisor_peak, entry.supervisor)
        held_after.append(Moment(entry.time, supervisor, workers, supervisor_peak + sum(held.values()), mapped))
    return held_after


def _without(name: str, sizes: Mapping[str, int]) -> dict[str, int]:
    return {other: size for other, size in sizes.items() if other != name}


def window(moments: Sequence[Moment], start: float, end: float) -> list[Moment]:
    """The moments from `start` to `end`: the first is that of `start`, the last that of `end`."""
    first = bisect_right(moments, start, key=lambda moment: moment.time) - 1
    last_moment = moments[first] if first >= 0 else Moment(start, 0, {}, 0)
    inside = [moment for moment in moments[first + 1 :] if moment.time <= end]
    return [_at(last_moment, start), *inside, _at((inside or [last_moment])[-1], end)]


def _at(moment: Moment, time: float) -> Moment:
    return replace(moment, time=time)


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


class Use(NamedTuple):
    """One worker's use of memory in a window: starts, seconds of life, and the most private and mapped bytes."""

    name: str
    starts: int
    seconds: float
    most: int
    mapped: int = 0


def uses(entries: Iterable[Entry], moments: Sequence[Moment]) -> list[Use]:
    """The workers of a window, by the time that they lived."""
    starts: dict[str, int] = {}
    for entry in entries:
        if entry.event == "start" and moments[0].time <= entry.time <= moments[-1].time:
            starts[entry.name] = starts.get(entry.name, 0) + 1
    seconds: dict[str, float] = {}
    most: dict[str, int] = {}
    mapped: dict[str, int] = {}
    for moment, following in pairwise(moments):
        for name, size in moment.workers.items():
            seconds[name] = seconds.get(name, 0.0) + following.time - moment.time
            most[name] = max(most.get(name, 0), size)
            mapped[name] = max(mapped.get(name, 0), moment.mapped.get(name, 0))
    listed = [Use(name, starts.get(name, 0), seconds[name], most[name], mapped[name]) for name in seconds]
    return sorted(listed, key=lambda use: -use.seconds)


RIVAL = "a server that never unloads"


@dataclass(frozen=True, slots=True)
class Window:
    """The record from `start` to `end`, in seconds since 1970."""

    start: float
    end: float
    entries: Sequence[Entry]
    moments: Sequence[Moment]

    @classmethod
    def last(
        cls,
        span: float,
        entries: Sequence[Entry],
        status: Status | None,
        now: float,
    ) -> Self | None:
        """The last `span` seconds of `entries`, with what holds `now`; None when nothing was recorded yet.

        Args:
            status: of the supervisor that runs; None when none does.
        """
        entries = until_now(entries, status, now)
        if not entries:
            return None
        start = max(now - span, entries[0].time)
        return cls(start, now, entries, window(moments(entries), start, now))

    @property
    def uses(self) -> list[Use]:
        """The workers, by the time that they lived."""
        return uses(self.entries, self.moments)

    @property
    def changes(self) -> list[Entry]:
        """The starts and exits."""
        return [e for e in self.entries if e.event in ("start", "exit") and self.start <= e.time <= self.end]

    @property
    def summary(self) -> str:
        """One sentence: both averages."""
        held, theirs = mean(self.moments)
        return (
            f"Memory held on average for {clock(self.end - self.start)}: {megabytes(held):.0f} MB; "
            f"by {RIVAL}: {megabytes(theirs):.0f} MB."
        )

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
            "workers": [_use(use) for use in self.uses],
        }


def megabytes(size: float) -> float:
    """MB of bytes."""
    return size / 1e6


def _moment(moment: Moment) -> JsonObject:
    return {
        "time": moment.time,
        "supervisor_mb": round(megabytes(moment.supervisor), 1),
        "workers_mb": {name: round(megabytes(size), 1) for name, size in moment.workers.items()},
        "mapped_mb": {name: round(megabytes(size), 1) for name, size in moment.mapped.items()},
        "never_unloaded_mb": round(megabytes(moment.resident), 1),
    }


def _use(use: Use) -> JsonObject:
    return {
        "name": use.name,
        "starts": use.starts,
        "seconds": round(use.seconds, 1),
        "most_mb": round(megabytes(use.most), 1),
        "most_mapped_mb": round(megabytes(use.mapped), 1),
    }
