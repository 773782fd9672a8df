"""Workers that compute on the CPU because no card had room: while they are used, the cards are looked at again."""

from __future__ import annotations

from collections.abc import Mapping

from hushd_supervisor.core.actions import Action
from hushd_supervisor.core.worker.states import State
from hushd_supervisor.core.worker.worker import Worker

from .cards import Cards

RETURN_S = 5.0  # between two looks whether a worker may go back from the CPU to a card


class OffCard:
    """The pool's `workers` that compute on the CPU until one of the `cards` has room."""

    def __init__(self, workers: Mapping[str, Worker], cards: Cards) -> None:
        self._workers = workers
        self._cards = cards
        self._served: dict[str, int] = {}  # by worker: its completed jobs at the last look

    def workers(self) -> list[Worker]:
        """Returns these workers, except those whose engine failed on a card or that leave anyway."""
        ready = [w for w in self._workers.values() if w.state in (State.READY, State.BUSY)]
        return [w for w in ready if w.lifecycle.assignment.why and not (w.lifecycle.cpu_reason or w.lifecycle.retiring)]

    def look_for_room(self, now: float) -> list[Action]:
        """Looks at the cards if one of these workers has completed a job since the last look."""
        served = {worker.name: worker.jobs.timings.completed for worker in self.workers()}
        if served == self._served or now - self._cards.asked_at < RETURN_S:
            return []
        self._served = served
        return self._cards.look(now) if served else []
