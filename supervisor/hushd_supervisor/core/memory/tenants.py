"""The holders of memory: every worker's process and every template, with their sizes on the machine and on cards."""

from __future__ import annotations

from collections.abc import Mapping

from hushd_supervisor.core.standby import Standby
from hushd_supervisor.core.worker.lifecycle import COMING, GOING
from hushd_supervisor.core.worker.shortage import Shortage
from hushd_supervisor.core.worker.states import State
from hushd_supervisor.core.worker.worker import Worker

from .budget import Resident
from .needs import Needs
from .placement import Tenant

_SUSPENDED_S = 1e6  # by which a suspended process counts as idle for longer: where memory is short, it leaves first


class Tenants:
    """Lists the holders among `workers`, a table that it only reads, and the templates of `standby`.

    Args:
        needs: the sizes of processes that have not reported any.
    """

    def __init__(self, workers: Mapping[str, Worker], standby: Standby, needs: Needs) -> None:
        self._workers = workers
        self._standby = standby
        self._needs = needs

    def every(self, now: float) -> list[Tenant]:
        """Returns all tenants."""
        workers = [self._tenant(worker, now) for worker in self._workers.values() if worker.state.has_process]
        templates = self._standby.residents()
        return [
            *workers,
            *(Tenant(machine, {}, False, machine.size if starting else 0) for machine, starting in templates),
        ]

    def on_card(self, card: str, now: float) -> list[Resident]:
        """Returns the tenants of a card, as its residents."""
        return [tenant.on(card) for tenant in self.every(now) if tenant.cards.get(card)]

    def holders(self, shortage: Shortage, now: float) -> list[Resident]:
        """Returns the residents that hold the kind of memory that a load lacked."""
        holders = [w for w in self._workers.values() if w.state.has_process and _is_on(w, shortage)]
        machines = [self._tenant(worker, now).machine for worker in holders]
        return machines if shortage.on_card else machines + [machine for machine, _ in self._standby.residents()]

    def first_end_s(self, now: float) -> float | None:
        """Returns the seconds until the first running job is done, by its worker's usual times."""
        ends = [
            request.started + worker.jobs.timings.usual_s(request) - now
            for worker in self._workers.values()
            if worker.jobs.timings.completed
            for request in worker.jobs.running.values()
        ]
        return min(ends, default=None)

    def _tenant(self, worker: Worker, now: float) -> Tenant:
        suspended = worker.state is State.SUSPENDED and not worker.jobs.waiting
        idle = (worker.state is State.READY or suspended or worker.tenancy.unheard) and not worker.settings.pinned
        longer = _SUSPENDED_S if suspended else 0.0
        lifecycle, starting = worker.lifecycle, worker.state is State.STARTING
        size = lifecycle.size or self._needs.memory(worker.name, lifecycle.card)  # still growing if not reported
        promised = max(0, size - lifecycle.loading) if starting else 0
        if lifecycle.phase == GOING:
            promised = sum(lifecycle.cards.values())
            size += promised
        machine = Resident(
            worker.name,
            size,
            worker.settings.priority,
            longer + now - (lifecycle.idle_since or now) if idle else None,
            worker.state in (State.STOPPING, State.KILLING),
        )
        coming = starting or lifecycle.phase == COMING
        return Tenant(machine, self._on_cards(worker), coming, promised, lifecycle.phase == GOING)

    def _on_cards(self, worker: Worker) -> Mapping[str, int]:
        """Returns the bytes that a worker takes on each card, as it reports or as assigned."""
        card = worker.lifecycle.card
        if worker.lifecycle.cards or not card or worker.state is State.SUSPENDED:
            return worker.lifecycle.cards
        return {card: self._needs.on_card(worker.name, card)}


def _is_on(worker: Worker, shortage: Shortage) -> bool:
    """Returns whether a worker holds memory of the kind that is short."""
    on_card = worker.news.compute_device not in ("", "cpu") and not worker.lifecycle.off_card
    return on_card or not shortage.on_card


def can_leave(resident: Resident) -> bool:
    """Returns whether a resident can make room: it is idle or already leaves."""
    return resident.idle_s is not None or resident.leaving
