"""Workers that compute on the CPU because no card had room: cards are looked at now and then while they are used."""

from __future__ import annotations

from collections.abc import Mapping

from hushd_supervisor.core.actions import Action
from hushd_supervisor.core.worker.states import State
from hushd_supervisor.core.worker.worker import Worker

from .cards import Cards

RETURN_S = 5.0  # from one look to the next whether a worker may go back from the CPU to a card


class OffCard:
    """Those of the pool's `workers` that are off the `cards` for now."""

    def __init__(self, workers: Mapping[str, Worker], cards: Cards) -> None:
        self._workers = workers
        self._cards = cards
        self._served: dict[str, int] = {}  # by worker: its jobs at the last look

    def workers(self) -> list[Worker]:
        """They themselves; one whose engine failed on a card, or that leaves anyway, stays where it is."""
        ready = [w for w in self._workers.values() if w.state in (State.READY, State.BUSY)]
        return [w for w in ready if w.lifecycle.assignment.why and not (w.lifecycle.cpu_reason or w.lifecycle.retiring)]

    def look_for_room(self, now: float) -> list[Action]:
        """Looks at the cards, where such workers have served somebody since the last look."""
        served = {worker.name: worker.jobs.timings.completed for worker in self.workers()}
        if served == self._served or now - self._cards.asked_at < RETURN_S:
            return []
        self._served = served
        return self._cards.look(now) if served else []
