"""The answer to `status`: what the pool says of its workers, and the system's figures of their processes."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from hushd_protocol import __version__
from hushd_protocol.light_dataclass import replace

from hushd_supervisor.core.memory.standing import CardStanding, Standing
from hushd_supervisor.core.worker.states import State

from .memory import measure

if TYPE_CHECKING:
    from hushd_schema.status import (
        CardStatus,
        DoorStatus,
        FloorStatus,
        Status,
        TemplateStatus,
        WorkerStatus,
    )

FRESH_S = 0.1  # for which a process's memory is not measured again
# Of one measuring, in which everybody waits: a share of the time since the last one, within limits. A process takes
# 1 ms, a large one 10, and one that is loading as long as the kernel lets it wait in the middle of that.
SHARE, LEAST_S, MOST_S = 0.01, 0.002, 0.05

Usage = measure.Usage | None


class Usages:
    """Measures the memory of processes, each at most ten times a second however often somebody asks.

    Where that takes too long, some keep their last figures until the next time; who has none yet gets the resident set.
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
        self._asked: set[int] = set()  # for since `_at`,
        self._fresh: set[int] = set()  # and of these measured since then
        self._overdue: set[int] = set()  # asked for before that, and not measured: they go first
        self._at = -math.inf
        self._left_s = 0.0

    def at(self, now: float) -> Callable[[int], Usage]:
        """Returns a function that measures the process of a pid, or remembers its measure of a moment ago."""
        if now >= self._at + FRESH_S:
            self._figures = {pid: usage for pid, usage in self._figures.items() if pid in self._asked}
            self._overdue = self._overdue & self._asked or self._asked - self._fresh
            self._asked, self._fresh = set(), set()
            self._left_s = min(MOST_S, max(LEAST_S, SHARE * (now - self._at)))
            self._at = now
        return self._of

    def _of(self, pid: int) -> Usage:
        self._asked.add(pid)
        first = not self._overdue or pid in self._overdue or pid not in self._figures
        if pid not in self._fresh and first and self._left_s > 0:
            began = self._clock()
            self._figures[pid] = self._usage(pid)
            self._left_s -= self._clock() - began
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
    """The answer: what the pool says, and the memory of the processes.

    Args:
        workers: from the pool, each with its generation.
        standing: from the pool, of all memory.
        floor: from the pool.
        pids: the living processes by name and generation.
        uptime: seconds since the start.
        usage_of: measures the process of a pid.
        standby: from `templates`.
        door: without the memory of the gateway, which is added.
    """
    from hushd_schema.status import MemoryStatus, Status, SupervisorStatus  # once somebody asks

    measured, used = [], sum(int(1e6 * (template.private_mb or 0)) for template in standby)
    for gen, worker in workers:
        pid = pids.get((worker.name, gen))
        if pid is not None:
            usage = (measure.resident_usage if worker.state == State.STARTING.value else usage_of)(pid)
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
    """The templates that the pool knows, each with its generation, with their pids and memory. Args as for `report`."""
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
    """A graphics card; `used_mb` is what workers take of it."""
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
