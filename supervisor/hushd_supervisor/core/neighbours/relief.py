"""The link between admission and the neighbours: the memory that a start lacks, and the effect of a gift; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hushd_schema.settings import Settings

from hushd_supervisor.core.actions import Action
from hushd_supervisor.core.memory.budget import Lack, Memory
from hushd_supervisor.core.memory.cards import Cards
from hushd_supervisor.core.memory.needs import Needs
from hushd_supervisor.core.memory.pressure import VERY_LOW, Level, Pressure, sign
from hushd_supervisor.core.memory.tenants import Tenants
from hushd_supervisor.core.worker.states import State
from hushd_supervisor.core.worker.worker import Worker

from .efforts import Neighbours
from .holds import Key


class Relief:
    """Has neighbours asked for what starts lack. Takes the parts of admission.

    Attributes:
        neighbours: decides whom to ask, and how long to wait.
    """

    def __init__(
        self,
        settings: Settings,
        asleep: Iterable[Key],
        workers: Mapping[str, Worker],
        needs: Needs,
        tenants: Tenants,
        cards: Cards,
        pressure: Pressure,
    ) -> None:
        self.neighbours = Neighbours(settings, lambda: cards.only, asleep)
        self._workers = workers
        self._needs = needs
        self._tenants = tenants
        self._cards = cards
        self._pressure = pressure

    def ask(self, worker: Worker, lacks: Sequence[Lack], now: float) -> list[Action]:
        """Goes on asking for one of `lacks`, which a worker's start needs; has its clients know."""
        actions = self.neighbours.ask(worker.name, lacks, now)
        if self.neighbours.awaits(worker.name):
            actions += worker.tenancy.hope(now, self.neighbours.note(worker.name, now))
            if lacks[0].card and self.neighbours.has_given(worker.name):
                self._cards.ask_again(now)
        return actions

    def ask_while_critical(self, worker: Worker, memory: Memory, now: float) -> list[Action]:
        """Does the same while memory is critically short, unless another program has said so, and so wants it all."""
        lack = self._lacks_while_critical(worker, memory, now)
        return self.ask(worker, (lack,), now) if lack and not self._pressure.told(now) else []

    def relieve(self, waiting: Sequence[Worker], memory: Memory, now: float) -> None:
        """Forgets the pressure from before neighbours have given what one of the waiting workers needs."""
        if self._pressure.level(now) is Level.CRITICAL and not self._pressure.told(now):
            helped = (worker for worker in waiting if self.neighbours.has_given(worker.name))
            if not all(self._lacks_while_critical(worker, memory, now) for worker in helped):
                self._pressure.relieve()
                self._pressure.see(sign(memory), now)

    def settle(self, now: float) -> list[Action]:
        """Forgets, after all decisions, the starts that wait no longer, and wakes the models that sleep for nobody."""
        waiting = {worker.name for worker in self._workers.values() if worker.state is State.WAITING}
        living = {worker.name for worker in self._workers.values() if worker.state.has_process}
        return self.neighbours.settle(waiting, waiting | living, now)

    def _lacks_while_critical(self, worker: Worker, memory: Memory, now: float) -> Lack:
        """The memory that must be free, beside that of leaving workers, so that the level falls and it can start."""
        tenants = self._tenants.every(now)
        promised = sum(tenant.machine.size for tenant in tenants if tenant.starting)
        leaving = sum(tenant.machine.size for tenant in tenants if tenant.machine.leaving)
        spared = max(memory.reserve, int(VERY_LOW * memory.total))
        return Lack(max(0, self._needs.memory(worker.name) + spared + promised - leaving - memory.available))
