"""Counts the living processes, for the watches that run only while there are any."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hushd_protocol.messages import Ready

from hushd_supervisor.core.events import (
    Event,
    Exited,
    FromWorker,
    Spawned,
    SpawnFailed,
    TemplateGone,
    TemplateReady,
)

from .memory.psi import Triggers
from .sockets.worker_socket import WorkerSocket
from .source import Source
from .standby import Templates

if TYPE_CHECKING:
    from .sd_notify import ServiceManager


class Living(Source):
    """Tells `triggers` and `manager` when processes start, load or end.

    Args:
        workers, templates: own the processes.
    """

    def __init__(
        self,
        workers: WorkerSocket,
        templates: Templates,
        triggers: Triggers,
        manager: ServiceManager | None = None,
    ) -> None:
        self._workers = workers
        self._templates = templates
        self._triggers = triggers
        self._manager = manager
        self._template_count = 0

    def look(self, event: Event, now: float) -> None:
        match event:
            case Spawned():
                self._tell(now)
                _preimport()
            case SpawnFailed() | Exited() | TemplateReady() | TemplateGone():
                self._tell(now)
            case FromWorker(_, _, Ready()):
                self._tell(now)

    def on_time(self, now: float) -> Iterable[Event]:
        if self._templates.count != self._template_count:  # a template's start is not an event
            self._tell(now)
        return ()

    def _tell(self, now: float) -> None:
        pids, self._template_count = self._workers.pids(), self._templates.count
        self._triggers.watch(bool(pids or self._template_count))
        if self._manager:
            self._manager.report(pids.values(), now)


def _preimport() -> None:
    """Imports the modules that serving a worker needs, so that an upgrade cannot interrupt its work.

    The new process starts meanwhile, so these milliseconds cost nothing. If any other module is needed after an
    upgrade, the loop lets the running jobs finish and leaves; importing all of them now would cost 0.2 MB.
    """
    from hushd_schema import description, engines, entry_points, results, status  # noqa: F401
