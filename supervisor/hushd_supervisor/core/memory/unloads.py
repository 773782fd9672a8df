"""The clients' `unload`s, each answered when the processes that it ends are gone.

One that has workers leave cards is answered when these are free, by the driver's word, and the workers gone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hushd_protocol import messages as m

from hushd_supervisor.core.actions import Action, ToClient
from hushd_supervisor.core.worker.worker import Worker

from .cards import Cards


@dataclass(slots=True)
class _Unload:
    """An `unload` that waits for its processes to leave.

    Attributes:
        leaving: by worker: the generation that must leave.
        cards: the cards that must be free then.
        busy: by worker: the number of other clients' jobs that keep it; the answer does not wait for these.
    """

    route: bytes
    id: bytes
    leaving: dict[str, int] = field(default_factory=dict)
    cards: set[str] = field(default_factory=set)
    unloaded: list[str] = field(default_factory=list)
    busy: dict[str, int] = field(default_factory=dict)

    @property
    def answer(self) -> list[Action]:
        from hushd_schema.status import EndedWorkers  # imported only when used

        ended = EndedWorkers(unloaded=tuple(self.unloaded), busy=self.busy)
        return [ToClient(self.route, m.Result(id=self.id, data=ended.data()))]


class Unloads:
    """All waiting `unload`s."""

    def __init__(self, workers: Mapping[str, Worker], cards: Cards) -> None:
        self._workers = workers
        self._cards = cards
        self._due = math.inf  # time when one may be complete by time alone
        self._waiting: list[_Unload] = []

    @property
    def awaited(self) -> bool:
        """True if a client waits for an answer."""
        return bool(self._waiting)

    def deadline(self) -> float:
        """The time at which `answer_finished` is due, `math.inf` for never."""
        return self._due

    def awaited_by(self, route: bytes) -> bool:
        """Returns whether a client waits for an answer."""
        return any(unload.route == route for unload in self._waiting)

    def add(self, route: bytes, name: bytes, workers: Iterable[Worker], *, off_cards: bool) -> None:
        """Waits for these workers, which have been asked to leave, and `off_cards` for the memory of theirs."""
        unload = _Unload(route, name)
        for worker in workers:
            if jobs := worker.stays_for:
                unload.busy[worker.name] = jobs
            elif worker.state.has_process:
                unload.leaving[worker.name] = worker.process.gen
                unload.unloaded.append(worker.name)
                unload.cards |= set(worker.process.on_cards) if off_cards else set()
        self._waiting.append(unload)

    def shut(self) -> None:
        """Waits for exits alone from now on: the supervisor leaves."""
        for unload in self._waiting:
            unload.cards.clear()

    def answer_finished(self, now: float) -> list[Action]:
        """Answers the `unload`s whose processes are gone; probes the cards that must be free."""
        actions: list[Action] = []
        pending, self._waiting, self._due = self._waiting, [], math.inf
        for unload in pending:
            unload.leaving = {name: gen for name, gen in unload.leaving.items() if self._stays(name, gen)}
            free_at = -math.inf if unload.leaving else self._cards.release_due(unload.cards, now)
            if free_at > now:
                actions += self._probe(now)
                self._due = min(self._due, self._cards.deadline(), free_at)
            if unload.leaving or free_at > now:
                self._waiting.append(unload)
            else:
                actions += unload.answer
        return actions

    def _probe(self, now: float) -> list[Action]:
        if not self._cards.fresh(now):
            return self._cards.probe()
        self._cards.probe_soon(now)
        return []

    def _stays(self, name: str, gen: int) -> bool:
        worker = self._workers.get(name)
        return worker is not None and worker.is_current(gen)
