"""The clients' `yield`s: workers leave memory and graphics cards to other programs, and keep away for a while."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from hushd_protocol import messages as m
from hushd_protocol.cards import Card
from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass, field
from hushd_protocol.wording import advised

from .actions import Action, ToClient
from .memory.admission import Admission
from .memory.budget import Resident
from .memory.kept import MACHINE, NO_LIMIT
from .worker.states import State
from .worker.worker import Worker

if TYPE_CHECKING:
    from hushd_schema.controls import YieldedMemory

MAX_YIELDS = 16  # of one connection at a time
MAX_KEEP_AWAY_S = 7 * 86400.0  # the longest time for which workers keep away


@dataclass(slots=True)
class _Yield:
    """A `yield` that is not answered yet.

    Attributes:
        size: bytes to free on each card; 0: all that workers take; negative: none.
        ram: the same of the machine's memory.
        card: the device, its number or its place on the bus; empty for all cards.
        for_s: how long workers keep away; endless while the connection lives, for one that is `holder`.
        began: whether workers were asked to leave the machine's memory.
        begun: whether the cards were looked at, and workers asked to leave.
        leaving: by worker: the generation that must leave.
        unloaded: the names of these workers, for the answer.
        busy: by worker: the number of jobs that keep it until they have ended.
        done: whether it was answered.
        held: bytes that workers held of each device before.
    """

    route: bytes
    id: bytes
    size: int
    ram: int
    card: str
    for_s: float
    holder: bytes
    began: bool = False
    begun: bool = False
    leaving: dict[str, int] = field(default_factory=dict)
    unloaded: list[str] = field(default_factory=list)
    busy: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    done: bool = False


class Yields:
    """All waiting `yield`s.

    Args:
        workers: every worker, by name; only read.
        admission: knows the cards, and what each worker takes of them.

    Attributes:
        waiting: the `yield`s.
    """

    def __init__(self, workers: Mapping[str, Worker], admission: Admission) -> None:
        self._workers = workers
        self._admission = admission
        self._cards = admission.cards
        self.waiting: list[_Yield] = []

    def awaited_by(self, route: bytes) -> bool:
        """Returns whether a client waits for an answer."""
        return any(waiting.route == route for waiting in self.waiting)

    def add(self, route: bytes, control: m.Control) -> None:
        """Takes a client's `yield`.

        Raises:
            HushdError: `bad_request` for a size or a time out of range, `overloaded` while many of this client wait.
        """
        if max(control.vram, control.ram) < 0 or not 0 <= control.for_s <= MAX_KEEP_AWAY_S:
            raise HushdError(
                "bad_request", "A yield's vram or ram must be 0 or more bytes, and for_s 0 to 604800 seconds."
            )
        if sum(waiting.route == route for waiting in self.waiting) >= MAX_YIELDS:
            raise HushdError("overloaded", f"{MAX_YIELDS} `yield`s of this client wait already.", 1000)
        holder, for_s = (route, math.inf) if control.hold else (b"", control.for_s)
        self.waiting.append(_Yield(route, control.id, control.vram, control.ram, control.card, for_s, holder))

    def gone(self, route: bytes) -> None:
        """Ends what a connection has held, and what it waits for."""
        self.waiting = [entry for entry in self.waiting if entry.route != route]
        self._cards.kept.release(route)

    @property
    def held(self) -> bool:
        """True while memory is kept for a connection."""
        return self._cards.kept.is_held()

    def shut(self) -> list[Action]:
        """Refuses the waiting `yield`s: the supervisor is leaving."""
        error = HushdError("shutting_down", "hushd is shutting down, and its workers leave all cards.")
        waiting, self.waiting = self.waiting, []
        return [ToClient(entry.route, m.Error.of(entry.id, error)) for entry in waiting]

    def settle(self, now: float) -> list[Action]:
        """After any event: begins `yield`s whose look at the cards was answered, and answers complete ones."""
        actions: list[Action] = []
        for entry in self.waiting:
            try:
                actions += self._advance(entry, now)
            except HushdError as error:
                entry.done = True
                actions.append(ToClient(entry.route, m.Error.of(entry.id, error)))
        self.waiting = [entry for entry in self.waiting if not entry.done]
        return actions

    def _advance(self, entry: _Yield, now: float) -> list[Action]:
        """Takes a `yield` as far as possible now; the answer, if complete, comes last."""
        actions: list[Action] = []
        if entry.ram >= 0 and not entry.began:
            entry.began = True
            actions = self._begin_machine(entry, now)
        entry.leaving = {name: gen for name, gen in entry.leaving.items() if self._lives(name, gen)}
        if entry.leaving:
            return actions
        return actions + self._advance_cards(entry, now)

    def _advance_cards(self, entry: _Yield, now: float) -> list[Action]:
        if entry.size < 0 or not self._cards.there():
            return self._answer(entry, (), now)
        if not self._cards.fresh(now):
            return self._cards.look(now)
        cards = self._chosen(entry)
        if not entry.begun:
            entry.begun = True
            actions = [action for card in cards for action in self._begin(entry, card, now)]
            return actions if entry.leaving else actions + self._answer(entry, cards, now)
        if any(self._cards.pending(card.id) for card in cards):
            self._cards.ask_again(now)
            return []
        return self._answer(entry, cards, now)

    def _chosen(self, entry: _Yield) -> list[Card]:
        if self._cards.error:
            raise HushdError("server_busy", f"The graphics cards cannot be used: {self._cards.error}.", 1000)
        seen = self._cards.seen
        named = (card for card in seen if entry.card in ("", card.device, card.id))
        numbered = (
            card for card in seen if card.device.partition(":")[2] == entry.card
        )  # of the first kind with that number
        chosen = [*named] or [*numbered][:1]
        if entry.card and not chosen and not entry.begun:
            raise advised("bad_request", f"There is no graphics card {entry.card[:40]!r}", "list_cards")
        return chosen

    def _begin(self, entry: _Yield, card: Card, now: float) -> list[Action]:
        """Asks workers to leave a card until enough is free, idle ones first, and lets no more of them start there."""
        residents = self._admission.tenants.on_card(card.id, now)
        entry.held[card.id] = held = sum(resident.size for resident in residents)
        total = self._cards.total(card)
        free = total if card.asleep else card.free
        others = max(0, total - free - held)
        limit = max(0, total - others - entry.size) if entry.size else 0
        self._cards.kept.keep(card.id, limit, now + entry.for_s, entry.holder)
        return self._make_room(entry, residents, entry.size - free if entry.size else NO_LIMIT, now)

    def _begin_machine(self, entry: _Yield, now: float) -> list[Action]:
        """Does the same with the machine's memory, which templates leave first."""
        memory = self._admission.look(now)
        tenants = [tenant.machine for tenant in self._admission.tenants.every(now)]
        entry.held[MACHINE] = held = sum(resident.size for resident in tenants)
        limit = max(0, memory.available + held - entry.ram) if entry.ram else 0
        self._cards.kept.keep(MACHINE, limit, now + entry.for_s, entry.holder)
        missing, actions = entry.ram - memory.available if entry.ram else NO_LIMIT, list[Action]()
        for template in (resident for resident in tenants if resident.standby and not resident.leaving):
            if missing > 0:
                missing -= template.size
                actions += self._admission.evict(template.name, now)
        return actions + self._make_room(entry, [r for r in tenants if not r.standby], missing, now)

    def _make_room(self, entry: _Yield, residents: Sequence[Resident], missing: int, now: float) -> list[Action]:
        """Asks workers to leave until their memory is `missing` bytes, with that of those who leave already."""
        leaving = [resident for resident in residents if resident.leaving]
        missing -= sum(resident.size for resident in leaving)
        actions: list[Action] = []
        for resident in sorted((r for r in residents if not r.leaving), key=self._rank):
            if missing > 0:
                leaving.append(resident)
                missing -= resident.size
                actions += self._workers[resident.name].unload(now)
        for worker in (self._workers[resident.name] for resident in leaving):
            if jobs := worker.stays_for:
                entry.busy[worker.name] = jobs
            elif worker.state.has_process and worker.name not in entry.leaving:
                entry.leaving[worker.name] = worker.gen
                entry.unloaded.append(worker.name)
        return actions

    def _rank(self, resident: Resident) -> tuple[bool, bool, float]:
        """The order in which workers leave: idle ones first, then pinned ones, then busy ones."""
        idle = self._workers[resident.name].state is State.READY
        return not idle, resident.idle_s is None, self._admission.budget.score(resident)

    def _answer(self, entry: _Yield, cards: Iterable[Card], now: float) -> list[Action]:
        entry.done = True
        from hushd_schema.controls import Yielded, YieldedCard  # imported only when used

        yielded_cards = tuple(
            YieldedCard(
                device=card.device,
                id=card.id,
                freed_mb=_mb(entry.held.get(card.id, 0) - self._held(card, now)),
                free_mb=_mb(self._cards.total(card) if card.asleep else card.free),
                total_mb=_mb(self._cards.total(card)),
            )
            for card in cards
        )
        ram = self._yielded_memory(entry, now) if entry.ram >= 0 else None
        for_s = None if entry.holder else entry.for_s
        unloaded = tuple(dict.fromkeys(entry.unloaded))
        answer = Yielded(cards=yielded_cards, ram=ram, unloaded=unloaded, busy=entry.busy, for_s=for_s)
        return [ToClient(entry.route, m.Result(id=entry.id, data=answer.data()))]

    def _yielded_memory(self, entry: _Yield, now: float) -> YieldedMemory:
        from hushd_schema.controls import YieldedMemory

        memory = self._admission.look(now)
        held = sum(tenant.machine.size for tenant in self._admission.tenants.every(now))
        freed = entry.held.get(MACHINE, held) - held
        return YieldedMemory(freed_mb=_mb(freed), free_mb=_mb(memory.available), total_mb=_mb(memory.total))

    def _held(self, card: Card, now: float) -> int:
        return sum(resident.size for resident in self._admission.tenants.on_card(card.id, now))

    def _lives(self, name: str, gen: int) -> bool:
        worker = self._workers.get(name)
        return worker is not None and worker.gen == gen and worker.state.has_process


def _mb(size: int) -> float:
    return round(max(0, size) / 1e6, 1)
