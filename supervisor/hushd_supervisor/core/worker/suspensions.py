"""The suspension of a worker: what follows from its driver's answers, and when its process is to come back.

An idle process on a card is suspended: the card is free within seconds, and the next request has the process back in
about one. If it cannot be had back in time, it is ended and another started, so that no request is lost.
"""

from __future__ import annotations

from hushd_supervisor.core.actions import Action

from .dispatch import Dispatcher
from .jobs import Jobs
from .lifecycle import AWAY, COMING, GOING, Lifecycle
from .outbox import Outbox
from .states import State


class Suspensions:
    """Takes the answers of one worker's driver."""

    def __init__(self, lifecycle: Lifecycle, jobs: Jobs, dispatch: Dispatcher, outbox: Outbox) -> None:
        self._lifecycle = lifecycle
        self._jobs = jobs
        self._dispatch = dispatch
        self._outbox = outbox

    @property
    def wanted_back(self) -> bool:
        """True if the process is suspended, and requests wait for it."""
        return self._is_in(AWAY, self._lifecycle.gen) and bool(self._jobs.waiting)

    def suspend(self, now: float) -> list[Action]:
        """Has the idle process leave its card, whatever its rest still lasts: others need the room."""
        self._lifecycle.log("INFO", f"{self._lifecycle.name} leaves its card")
        self._lifecycle.suspend(now)
        return self._outbox.take()

    def suspended(self, gen: int, error: str, lost: bool, now: float) -> list[Action]:
        """Takes the answer to `Suspend`."""
        if not self._is_in(GOING, gen):
            return []
        if not error:
            self._lifecycle.suspended()
            return self._outbox.take()
        self._lifecycle.log("WARNING", f"{self._lifecycle.name} cannot be suspended, and ends when idle: {error}")
        self._lifecycle.refuse_suspension()
        if lost:
            self._lifecycle.kill(now, expected=True)
        else:
            self._lifecycle.restored()
            self._dispatch.settle(now)
        return self._outbox.take()

    def restore(self, now: float) -> list[Action]:
        """Has the process come back: its card has room."""
        self._lifecycle.restore(now)
        return self._outbox.take()

    def give_up(self, now: float) -> list[Action]:
        """Ends the process: there is no room where it would go."""
        where = "the machine" if self._lifecycle.phase == GOING else "its card"
        self._lifecycle.log("INFO", f"{self._lifecycle.name} ends, since {where} has no room for it")
        self._lifecycle.kill(now, expected=True)
        return self._outbox.take()

    def restored(self, gen: int, error: str, now: float) -> list[Action]:
        """Takes the answer to `Restore`; a process that did not come back is ended."""
        if not self._is_in(COMING, gen):
            return []
        if error:
            self._lifecycle.log("WARNING", f"{self._lifecycle.name} did not come back to its card: {error}")
            self._lifecycle.kill(now, expected=True)
        else:
            self._lifecycle.restored()
            self._dispatch.settle(now)
        return self._outbox.take()

    def _is_in(self, phase: str, gen: int) -> bool:
        lifecycle = self._lifecycle
        return lifecycle.is_current(gen) and lifecycle.state is State.SUSPENDED and lifecycle.phase == phase
