"""Has CUDA's driver suspend and restore idle processes, by short-lived children: the supervisor loads no driver."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from pathlib import Path

import zmq

from hushd_supervisor.core.actions import Action, Restore, Suspend
from hushd_supervisor.core.events import Event, Restored, Suspended

from .process import Launch
from .question import Answer, Questions
from .source import Outcome, Perform

Pids = Callable[[], Mapping[tuple[str, int], int]]
SUSPEND_TIMEOUT_S = 10.0  # seconds for the driver to copy what a process has on its card


class Suspensions(Questions):
    """The children that suspend and restore processes.

    Args:
        pids: returns the numbers of living processes by their workers' names and generations.

    The others are as for `Questions`.
    """

    def __init__(self, poller: zmq.Poller, launch: Launch, logs: Path, pids: Pids) -> None:
        super().__init__(poller, launch, logs, self._verb, SUSPEND_TIMEOUT_S)
        self._pids = pids
        # What the child of that name was asked, and its number: it is asked one thing at a time.
        self._asked: dict[str, tuple[Suspend | Restore, int]] = {}

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Suspend: self._begin, Restore: self._begin}

    def _begin(self, action: Suspend | Restore) -> Iterable[Outcome]:
        """Starts a child; returns the answer if it cannot be started."""
        pid = self._pids().get((action.worker, action.gen))
        if pid is None:
            return ()  # whoever waits for the answer hears of the exit
        name = next(name for number in range(1000) if (name := f"suspension-{number}") not in self._asked)
        self._asked[name] = action, pid
        failed = self.ask(name, time.monotonic())
        return (self._event(failed, began=False),) if failed else ()

    def _verb(self, name: str) -> list[str]:
        action, pid = self._asked[name]
        verb = "suspend" if isinstance(action, Suspend) else "restore"
        return [sys.executable, "-P", "-m", "hushd_worker.suspension", verb, str(pid)]

    def events(self, ready: Container[object], now: float) -> Iterator[Event]:
        for answer in self.answers(ready, now):
            yield self._event(answer)

    def _event(self, answer: Answer, began: bool = True) -> Event:
        """Returns the event; a child that began and did not answer may have left its process in any state."""
        action, _ = self._asked.pop(answer.name)
        error, lost = answer.error.rstrip("."), began
        if not error:
            clause = answer.data.get("error")
            error = clause if isinstance(clause, str) else "the answer makes no sense"
            lost = answer.data.get("lost") is not False
        if isinstance(action, Suspend):
            return Suspended(action.worker, action.gen, error, lost and bool(error))
        return Restored(action.worker, action.gen, error)
