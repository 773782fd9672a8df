"""Counts the living processes, for the watches that run only while there are any."""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING

import zmq
from hushd_protocol.messages import Ready

from hushd_supervisor.core.events import (
    Event,
    Exited,
    FromWorker,
    Sleep,
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
    from .sleep import SleepWatch


class Living(Source):
    """Tells `triggers`, `manager` and the sleep watch when processes start, load or end.

    Args:
        poller: the loop's poller.
        workers, templates: own the processes.
        on_cards: returns whether a worker is on a graphics card.
        record: writes to the supervisor's log (level, text).
    """

    def __init__(
        self,
        poller: zmq.Poller,
        workers: WorkerSocket,
        templates: Templates,
        triggers: Triggers,
        on_cards: Callable[[], bool],
        record: Callable[[str, str], None],
        manager: ServiceManager | None = None,
    ) -> None:
        self._poller = poller
        self._workers = workers
        self._templates = templates
        self._triggers = triggers
        self._on_cards = on_cards
        self._record = record
        self._manager = manager
        self._sleep: SleepWatch | None = None  # made when the first worker is on a card
        self._template_count = 0

    def look(self, event: Event, now: float) -> None:
        match event:
            case Spawned():
                self._tell(now)
                _preimport()
            case SpawnFailed() | Exited() | TemplateReady() | TemplateGone() | Sleep():
                self._tell(now)
            case FromWorker(_, _, Ready()):
                self._tell(now)

    def on_time(self, now: float) -> Iterable[Event]:
        if self._templates.count != self._template_count:  # a template's start is not an event
            self._tell(now)
        return ()

    def events(self, ready: Container[object], now: float) -> Iterable[Event]:
        return self._sleep.events(ready) if self._sleep else ()

    def close(self) -> None:
        if self._sleep:
            self._sleep.close()

    def _tell(self, now: float) -> None:
        pids, self._template_count = self._workers.pids(), self._templates.count
        self._triggers.watch(bool(pids or self._template_count))
        on_cards = self._on_cards()
        if on_cards and self._sleep is None and sys.platform == "linux":
            from .sleep import SleepWatch  # only on a machine with a card

            self._sleep = SleepWatch(self._poller, self._record)
        if self._sleep:
            self._sleep.watch(on_cards)
        if self._manager:
            self._manager.report(pids.values(), now)


def _preimport() -> None:
    """Imports the modules that serving a worker needs, so that an upgrade cannot interrupt its work.

    The new process starts meanwhile, so these milliseconds cost nothing. If any other module is needed after an
    upgrade, the loop lets the running jobs finish and leaves; importing all of them now would cost 0.2 MB.
    """
    from hushd_schema import capabilities, description, engines, entry_points, status  # noqa: F401
