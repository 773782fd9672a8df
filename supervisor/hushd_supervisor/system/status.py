"""Builds the answer to `status` from the pool's rows and the system's figures for the processes."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from hushd_protocol import __version__
from hushd_protocol.light_dataclass import replace
from hushd_protocol.messages import Result

from hushd_supervisor.core.actions import Action, ReportStatus, ToClient
from hushd_supervisor.core.status import CardStanding, Standing
from hushd_supervisor.core.worker.states import State

from .memory import measure
from .source import Outcome, Perform, Source

if TYPE_CHECKING:
    from hushd_schema.status import (
        CardStatus,
        DoorStatus,
        FloorStatus,
        Status,
        TemplateStatus,
        WorkerStatus,
    )

    from .door import Door
    from .sockets.worker_socket import WorkerSocket
    from .standby import Templates

FRESH_S = 0.1  # for which a measure of a process's memory holds
# The time for one round of measuring, in which the whole loop waits: a share of the time since the last one, within
# limits. Measuring takes 1 ms, 10 ms for a large process, and longer for one that is loading.
SHARE, MIN_S, MAX_S = 0.01, 0.002, 0.05

Usage = measure.Usage | None


class Usages:
    """Measures the memory of processes, each at most ten times a second.

    When that takes too long, some processes keep their last figures until the next round; a process without any gets
    its resident set.
    """

    def __init__(
        self,
        usage: Callable[[int], Usage] = measure.usage,
        resident: Callable[[int], Usage] = measure.resident_usage,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._usage = usage
        self._resident = resident
        self._clock = clock
        self._figures: dict[int, Usage] = {}
        self._requested: set[int] = set()  # pids requested in this round,
        self._fresh: set[int] = set()  # and those of them measured in it
        self._overdue: set[int] = set()  # pids of earlier rounds not measured then: they go first
        self._round_start = -math.inf
        self._seconds_left = 0.0

    def measuring(self, now: float) -> Callable[[int], Usage]:
        """Returns a function that measures the process of a pid, or returns its measure of a moment ago."""
        if now >= self._round_start + FRESH_S:
            self._figures = {pid: usage for pid, usage in self._figures.items() if pid in self._requested}
            self._overdue = self._overdue & self._requested or self._requested - self._fresh
            self._requested, self._fresh = set(), set()
            self._seconds_left = min(MAX_S, max(MIN_S, SHARE * (now - self._round_start)))
            self._round_start = now
        return self._measure

    def _measure(self, pid: int) -> Usage:
        self._requested.add(pid)
        has_turn = not self._overdue or pid in self._overdue or pid not in self._figures
        if pid not in self._fresh and has_turn and self._seconds_left > 0:
            start = self._clock()
            self._figures[pid] = self._usage(pid)
            self._seconds_left -= self._clock() - start
            self._fresh.add(pid)
            self._overdue.discard(pid)
        return self._figures[pid] if pid in self._figures else self._resident(pid)


def report(
    workers: Iterable[tuple[int, WorkerStatus]],
    standing: Standing,
    floor: FloorStatus,
    pids: Mapping[tuple[str, int], int],
    uptime: float,
    usage_of: Callable[[int], Usage] = measure.usage,
    standby: tuple[TemplateStatus, ...] = (),
    door: DoorStatus | None = None,
) -> Status:
    """Returns the answer to `status`.

    Args:
        workers: the pool's rows of workers, each with its generation.
        standing: the pool's account of all memory.
        floor: the holders of the floor.
        pids: the pids of living processes, by name and generation.
        uptime: seconds since the start.
        usage_of: measures the process of a pid.
        standby: the result of `templates`.
        door: the door's part, to which the gateway's memory is added.
    """
    from hushd_schema.status import MemoryStatus, Status, SupervisorStatus  # loaded on first use

    measured, used = [], sum(int(1e6 * (template.private_mb or 0)) for template in standby)
    for gen, worker in workers:
        pid = pids.get((worker.name, gen))
        if pid is not None:
            measures = measure.resident_usage if worker.state == State.STARTING.value else usage_of
            usage = measure.of_tree(pid, measures)
            used += usage.private if usage else 0
            peak = None if usage is None else _mb(usage.peak)
            private, mapped = (_mb(usage.private), _mb(usage.mapped)) if usage else (None, None)
            worker = replace(worker, pid=pid, rss_mb=_rss(usage), pss_mb=_pss(usage), peak_rss_mb=peak)
            worker = replace(worker, private_mb=private, mapped_mb=mapped)
        measured.append(worker)
    own = usage_of(os.getpid())
    return Status(
        supervisor=SupervisorStatus(
            pid=os.getpid(), version=__version__, uptime_s=round(uptime, 1), rss_mb=_rss(own), pss_mb=_pss(own)
        ),
        workers=tuple(measured),
        memory=MemoryStatus(
            budget_mb=_mb(standing.limit),
            used_mb=_mb(used),
            available_mb=_mb(standing.available),
            reserve_mb=_mb(standing.reserve),
            pressure=standing.level.word,
            cards=tuple(map(_card, standing.cards)),
            cards_error=standing.cards_error,
        ),
        standby=standby,
        door=door and _with_memory(door, usage_of),
        floor=floor,
    )


def templates(
    known: Iterable[tuple[int, TemplateStatus]],
    pids: Mapping[tuple[str, int], int],
    usage_of: Callable[[int], Usage],
) -> tuple[TemplateStatus, ...]:
    """Returns the pool's rows of templates with their pids and memory. Args as for `report`."""
    templates = []
    for gen, template in known:
        pid = pids.get((template.name, gen))
        usage = usage_of(pid) if pid is not None else None
        templates.append(replace(template, pid=pid, rss_mb=_rss(usage), pss_mb=_pss(usage)))
    return tuple(templates)


def _with_memory(door: DoorStatus, usage_of: Callable[[int], Usage]) -> DoorStatus:
    pid = door.gateway.pid
    usage = usage_of(pid) if pid is not None else None
    return replace(door, gateway=replace(door.gateway, rss_mb=_rss(usage)))


def _card(standing: CardStanding) -> CardStatus:
    """Returns a graphics card's part of the answer; `used_mb` is the workers' share."""
    from hushd_schema.status import CardStatus

    card = standing.card
    return CardStatus(
        device=card.device,
        id=card.id,
        name=card.name,
        total_mb=_mb(standing.total),
        free_mb=_mb(standing.free),
        used_mb=_mb(standing.workers),
        budget_mb=_mb(standing.limit),
        asleep=card.asleep,
        seen_s=round(standing.seen_s, 1),
        kept_s=None if standing.kept_s is None else round(standing.kept_s, 1),
    )


def _rss(usage: Usage) -> float | None:
    return None if usage is None else _mb(usage.rss)


def _pss(usage: Usage) -> float | None:
    return None if usage is None else _mb(usage.pss)


def _mb(size: float) -> float:
    return round(size / 1e6, 1)


class Figures(Protocol):
    """The part of the pool that a report reads."""

    def status(self, now: float) -> list[tuple[int, WorkerStatus]]: ...
    def standing(self, now: float) -> Standing: ...
    def templates(self) -> list[tuple[int, TemplateStatus]]: ...


class Reporter(Source):
    """Reports the state of the pool and its processes.

    Args:
        workers, templates: own the processes.
        door: reports the door's part.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        pool: Figures,
        workers: WorkerSocket,
        templates: Templates | None = None,
        door: Door | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._workers = workers
        self._templates = templates
        self._door = door
        self._clock = clock
        self._started = clock()
        self._usages = Usages()

    def actions(self) -> Mapping[type[Action], Perform]:
        return {ReportStatus: self._answer}

    def _answer(self, action: ReportStatus) -> Iterable[Outcome]:
        report = self._report(action.floor, self._usages.measuring(self._clock()))
        return (ToClient(action.route, Result(id=action.id, data=report.data())),)

    def _report(self, floor: FloorStatus, usage_of: Callable[[int], Usage]) -> Status:
        """Returns the answer to `status`; `usage_of` measures a process."""
        now = self._clock()
        return report(
            self._pool.status(now),
            self._pool.standing(now),
            floor,
            self._workers.pids(),
            now - self._started,
            usage_of,
            templates(self._pool.templates(), self._templates.pids(), usage_of) if self._templates else (),
            self._door.status() if self._door else None,
        )
