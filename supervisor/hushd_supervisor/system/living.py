"""Watches for memory pressure only while there are processes that could leave for it."""

from __future__ import annotations

from collections.abc import Iterable

from hushd_supervisor.core.events import Event, Exited, Spawned, SpawnFailed, TemplateGone, TemplateReady

from .memory.psi import Stalls
from .sockets.worker_socket import WorkerSocket
from .source import Source
from .standby import Templates


class Living(Source):
    """Has `stalls` listen while processes live.

    Args:
        workers, templates: own the processes.
    """

    def __init__(self, workers: WorkerSocket, templates: Templates, stalls: Stalls) -> None:
        self._workers = workers
        self._templates = templates
        self._stalls = stalls
        self._template_count = 0

    def look(self, event: Event, now: float) -> None:
        match event:
            case Spawned():
                self._tell()
                _preimport()
            case SpawnFailed() | Exited() | TemplateReady() | TemplateGone():
                self._tell()

    def on_time(self, now: float) -> Iterable[Event]:
        if self._templates.count != self._template_count:  # a template's start is not an event
            self._tell()
        return ()

    def _tell(self) -> None:
        self._template_count = self._templates.count
        self._stalls.watch(bool(self._workers.pids() or self._template_count))


def _preimport() -> None:
    """Imports the modules that serving a worker needs, so that an upgrade cannot interrupt its work.

    The new process starts meanwhile, so these milliseconds cost nothing. If any other module is needed after an
    upgrade, the loop lets the running jobs finish and leaves; importing all of them now would cost 0.2 MB.
    """
    from hushd_schema import description, engines, entry_points, results, status  # noqa: F401
