"""Answers `status` with the figures of the pool, the processes and the door."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from hushd_protocol.messages import Result

from hushd_supervisor.core.actions import Action, ReportStatus, ToClient
from hushd_supervisor.core.status import Standing

from . import status
from .source import Outcome, Perform, Source

if TYPE_CHECKING:
    from hushd_schema.status import FloorStatus, Status, TemplateStatus, WorkerStatus

    from .door import Door
    from .sockets.worker_socket import WorkerSocket
    from .standby import Templates


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
        self._usages = status.Usages()

    def actions(self) -> Mapping[type[Action], Perform]:
        return {ReportStatus: self._answer}

    def _answer(self, action: ReportStatus) -> Iterable[Outcome]:
        report = self._report(action.floor, self._usages.measuring(self._clock()))
        return (ToClient(action.route, Result(id=action.id, data=report.data())),)

    def _report(self, floor: FloorStatus, usage_of: Callable[[int], status.Usage]) -> Status:
        """Returns the answer to `status`; `usage_of` measures a process."""
        now = self._clock()
        return status.report(
            self._pool.status(now),
            self._pool.standing(now),
            floor,
            self._workers.pids(),
            now - self._started,
            usage_of,
            status.templates(self._pool.templates(), self._templates.pids(), usage_of) if self._templates else (),
            self._door.status() if self._door else None,
        )
