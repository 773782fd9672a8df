"""Builds the answer to `status` from the pool's rows and the system's figures for the processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from hushd_protocol import __version__
from hushd_protocol.messages import Result
from hushd_schema.status import Status, SupervisorStatus
from msgspec.structs import replace

from hushd_supervisor.core.actions import Action, ReportStatus, ToClient
from hushd_supervisor.core.memory.budget import mb
from hushd_supervisor.core.worker.states import State

from .memory import measure
from .source import Outcome, Perform, Source

if TYPE_CHECKING:
    from hushd_schema.status import DoorStatus, FloorStatus, MemoryStatus, WorkerStatus

    from hushd_supervisor.core.fleet import Fleet

    from .door import Door
    from .log import Ended
    from .sockets.worker_socket import WorkerSocket

MEASURE_FRESH_S = 0.1  # seconds for which a measure of a process's memory holds

Usage = measure.Usage | None


class Usages:
    """Measures the memory of processes, each at most ten times a second: it takes 1 ms, 10 ms for a large process."""

    def __init__(
        self, usage: Callable[[int], Usage] = measure.usage, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._usage = usage
        self._clock = clock
        self._measured: dict[int, tuple[float, Usage]] = {}

    def of(self, pid: int) -> Usage:
        """Returns the memory of a process, as it was a moment ago at most."""
        now = self._clock()
        if pid not in self._measured:
            self._measured = {known: each for known, each in self._measured.items() if now < each[0] + MEASURE_FRESH_S}
        if pid not in self._measured or now >= self._measured[pid][0] + MEASURE_FRESH_S:
            self._measured[pid] = now, self._usage(pid)
        return self._measured[pid][1]


def report(
    workers: Iterable[tuple[int, WorkerStatus]],
    memory: MemoryStatus,
    floor: FloorStatus,
    pids: Mapping[tuple[str, int], int],
    uptime: float,
    usage_of: Callable[[int], Usage] = measure.usage,
    door: DoorStatus | None = None,
) -> Status:
    """Returns the answer to `status`.

    Args:
        workers: the pool's rows of workers, each with its generation.
        pids: the pids of living processes, by name and generation.
        door: the door's part, to which the gateway's memory is added.
    """
    measured, used = [], 0
    for gen, worker in workers:
        pid = pids.get((worker.name, gen))
        if pid is not None:
            measures = measure.resident_usage if worker.state == State.STARTING.value else usage_of
            usage = measure.of_tree(pid, measures)
            used += usage.private if usage else 0
            peak = None if usage is None else mb(usage.peak)
            private, mapped = (mb(usage.private), mb(usage.mapped)) if usage else (None, None)
            worker = replace(worker, pid=pid, rss_mb=_rss(usage), pss_mb=_pss(usage), peak_rss_mb=peak)
            worker = replace(worker, private_mb=private, mapped_mb=mapped)
        measured.append(worker)
    own = usage_of(os.getpid())
    return Status(
        supervisor=SupervisorStatus(
            pid=os.getpid(), version=__version__, uptime_s=round(uptime, 1), rss_mb=_rss(own), pss_mb=_pss(own)
        ),
        workers=tuple(measured),
        memory=replace(memory, used_mb=mb(used)),
        door=door and _with_memory(door, usage_of),
        floor=floor,
    )


def _with_memory(door: DoorStatus, usage_of: Callable[[int], Usage]) -> DoorStatus:
    used = {each: usage_of(each) for each in (door.gateway.pid, door.agents.pid) if each}
    gateway, agents = (replace(each, rss_mb=_rss(used.get(each.pid or 0))) for each in (door.gateway, door.agents))
    return replace(door, gateway=gateway, agents=agents)


def _rss(usage: Usage) -> float | None:
    return None if usage is None else mb(usage.rss)


def _pss(usage: Usage) -> float | None:
    return None if usage is None else mb(usage.pss)


class Reporter(Source):
    """Reports the state of the workers and their processes."""

    def __init__(
        self, fleet: Fleet, workers: WorkerSocket, door: Door | None = None, ended: Ended | None = None
    ) -> None:
        self._fleet = fleet
        self._workers = workers
        self._door = door
        self._ended = ended
        self._started = time.monotonic()
        self._usages = Usages()

    def actions(self) -> Mapping[type[Action], Perform]:
        return {ReportStatus: self._answer}

    def _answer(self, action: ReportStatus) -> Iterable[Outcome]:
        now = time.monotonic()
        workers, memory, pids = self._fleet.status(now), self._fleet.memory(now), self._workers.pids()
        door = self._door.status() if self._door else None
        answer = report(workers, memory, action.floor, pids, now - self._started, self._usages.of, door)
        if self._ended:
            answer = replace(answer, requests=self._ended.status())
        return (ToClient(action.route, Result(id=action.id, data=answer.data())),)
