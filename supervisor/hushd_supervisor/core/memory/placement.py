"""Decides where a worker may start: on a graphics card, or on the CPU; pure. Sizes in bytes.

`auto` means a card with room, else a card that idle workers can leave, else the CPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hushd_protocol.cards import COUNTED, KINDS, Card, kind_of, means

from hushd_supervisor.core.worker.assignment import Assignment

from .away import Away
from .budget import Budget, Lack, Memory, Resident, Verdict
from .cards import Cards
from .needs import Needs
from .pressure import SMALL
from .sentences import exceeds, lacks

A_CARD = Assignment("cuda", "any")  # if no particular card is named


class Tenant(NamedTuple):
    """A worker with a process.

    Attributes:
        machine: its part of the machine's memory.
        cards: its bytes on each card.
        coming: whether these are promises that it may not have taken fully yet: it starts there, or comes back.
        promised: bytes of the machine's memory that it is still to take; the others are not available any more.
        going: whether it is about to leave its cards for the machine's memory.
    """

    machine: Resident
    cards: Mapping[str, int]
    coming: bool
    promised: int = 0
    going: bool = False

    def on(self, card: str) -> Resident:
        """The same worker as a resident of a card."""
        machine = self.machine
        leaving = machine.leaving or self.going
        return Resident(machine.name, self.cards[card], machine.priority, machine.idle_s, leaving)


class Start(NamedTuple):
    """A start to decide about.

    Attributes:
        asked: the device that the configuration or a request asks for.
        reserve: the bytes of a card that are left to all other programs.
        may_leave_card: whether the settings allow the CPU instead of a card.
        cpu_reason: the reason why it must be on the CPU; empty if it need not.
        kinds: the kinds of cards that its engine may be able to use.
    """

    name: str
    asked: str
    reserve: int
    may_leave_card: bool
    cpu_reason: str = ""
    kinds: tuple[str, ...] = KINDS

    @property
    def may_be_on_cpu(self) -> bool:
        """True if the CPU is a first choice, not a fall-back."""
        return self.asked == "auto" and self.may_leave_card


class Decision(NamedTuple):
    """The verdict on a start; `message` explains a refusal, which may last until `until`, or for `ever`.

    If a refusal has a card in its `assignment`, that card's memory is short; `holders` are the workers that hold the
    machine's memory. `lacks` has the memory that other programs would have to free for a better decision: one of these,
    the first rather than the others. `off_card` are those of the verdict's workers whose memory is needed on the card
    alone.
    """

    verdict: Verdict
    assignment: Assignment = Assignment()
    message: str = ""
    until: float | None = None
    ever: bool = False
    holders: tuple[Resident, ...] = ()
    lacks: tuple[Lack, ...] = ()
    off_card: frozenset[str] = frozenset()


class Placement:
    """Decides about starts by the needs of workers, the budget and the last look at the cards."""

    def __init__(self, needs: Needs, budget: Budget, cards: Cards, away: Away) -> None:
        self._needs = needs
        self._budget = budget
        self._cards = cards
        self._away = away

    def chooses(self, start: Start) -> bool:
        """Returns whether a start may use a card, so that it needs a look at the cards."""
        may = not start.cpu_reason and kind_of(start.asked) in ("auto", COUNTED)
        return may and COUNTED in start.kinds and self._needs.uses_cards(start.name) and self._cards.there()

    def decide(
        self, start: Start, memory: Memory, tenants: Sequence[Tenant], now: float, patient: bool = True
    ) -> Decision:
        """Decides about a start beside `tenants`, after a fresh look where it `chooses`.

        Unless `patient`, a start that may use the CPU no longer waits for a card.
        """
        if not self.chooses(start):
            assignment = Assignment("cpu", why=start.cpu_reason) if start.cpu_reason else Assignment()
            return self._anywhere(start.name, assignment, memory, tenants)
        if self._away.left_s(now):
            until = now + self._away.retry_s(now)
            return self._off_card(start, f"workers keep away from cards {self._away.why(now)}", memory, tenants, until)
        if self._cards.error:
            why = f"the graphics cards cannot be used: {self._cards.error}"
            return self._off_card(start, why, memory, tenants)
        cards = self._usable(start)
        if not cards:  # the engine itself best reports that there is none, or finds one that we do not know
            return self._anywhere(start.name, Assignment(), memory, tenants)
        decisions = [self._on(card, start, memory, tenants) for card in cards]
        admitted = [decision for decision in decisions if decision.verdict.admit]
        waits = [decision for decision in decisions if decision.verdict.wait]
        if admitted:
            return max(admitted, key=lambda decision: self._cards.free(decision.assignment.card))  # the emptiest
        if waits and (patient or not start.may_be_on_cpu):
            return min(waits, key=lambda decision: len(decision.verdict.evict))
        short = tuple(sorted((lack for decision in decisions for lack in decision.lacks), key=lambda lack: lack.vram))
        if not start.may_be_on_cpu:
            return decisions[0]._replace(lacks=short)
        why = "; ".join(self._why(card, start, tenants) for card in cards)
        why = f"{waits[0].assignment.device} did not become free in time" if waits else why
        on_cpu = self._off_card(start, why, memory, tenants)
        return on_cpu._replace(lacks=short + on_cpu.lacks)

    def returns(self, start: Start, tenants: Sequence[Tenant], now: float) -> bool:
        """Returns whether a card now has room, with no worker leaving, for a worker that had to use the CPU."""
        if self._cards.error or self._away.left_s(now) or not start.may_be_on_cpu:
            return False
        return any(self._card_verdict(card, start, tenants).admit for card in self._usable(start))

    def restores(self, start: Start, card: str, tenants: Sequence[Tenant]) -> Verdict:
        """Decides whether a suspended worker may return to its card, by that card's memory alone: it has the rest."""
        seen_card = next((seen for seen in self._cards.seen if seen.id == card), None)
        return self._card_verdict(seen_card, start, tenants) if seen_card else Verdict(False)

    def _usable(self, start: Start) -> list[Card]:
        """The cards that match the request, without those that the engine did not use when given."""
        may = (card for card in self._cards.seen if means(start.asked, card.device))
        return [card for card in may if self._needs.on_card(start.name, card.id)]

    # --- one device --------------------------------------------------------------------------------------------------

    def _anywhere(self, name: str, assignment: Assignment, memory: Memory, tenants: Sequence[Tenant]) -> Decision:
        """Decides by the machine's memory alone."""
        need, alone = self._needs.memory(name, assignment.card), self._needs.memory_alone(name, assignment.card)
        limit, residents = self._budget.limit(memory), [tenant.machine for tenant in tenants]
        if alone > limit:
            return Decision(Verdict(False), assignment, exceeds(name, alone, memory, limit), ever=True)
        promised = sum(tenant.promised for tenant in tenants)
        room = self._budget.room(memory, promised)
        verdict = self._budget.decide(need, alone, room, residents)
        if promised and not verdict.admit:
            without = self._budget.decide(need, alone, self._budget.room(memory, 0), residents)
            if without.admit:  # the others may have taken it since the last look: it is known once they are ready
                small = need <= SMALL * memory.available
                verdict = Verdict(small, wait=not small)
        refused = not (verdict.admit or verdict.wait)
        message = lacks(name, need, memory, room.limit, residents) if refused else ""
        short = (Lack(verdict.lacks),) if verdict.lacks else ()
        return Decision(verdict, assignment, message, holders=tuple(residents), lacks=short)

    def _off_card(
        self, start: Start, why: str, memory: Memory, tenants: Sequence[Tenant], until: float | None = None
    ) -> Decision:
        """Decides for the CPU where a start may be there; a refusal lasts until `until`."""
        if start.may_be_on_cpu:
            return self._anywhere(start.name, Assignment("cpu", why=why), memory, tenants)
        return Decision(Verdict(False), A_CARD, f"{start.name} cannot start now, since {why}.", until)

    def _on(self, card: Card, start: Start, memory: Memory, tenants: Sequence[Tenant]) -> Decision:
        """Decides by the memory of the machine and of a card."""
        machine = self._anywhere(start.name, Assignment(card.device, card.id), memory, tenants)
        verdict = self._card_verdict(card, start, tenants)
        lack = Lack(machine.verdict.lacks, card.id, verdict.lacks)
        short = (lack,) if lack and machine.verdict.possible and verdict.possible else ()
        if verdict.admit or verdict.wait:
            off_card = frozenset(verdict.evict).difference(machine.verdict.evict)
            decision = machine._replace(verdict=machine.verdict & verdict, lacks=short, off_card=off_card)
            if decision.verdict.admit or decision.verdict.wait:
                return decision
            return decision._replace(assignment=Assignment())
        why = self._why(card, start, tenants)
        message = f"There is no room for {start.name} on {card.device} now: {why}"
        worker_bytes = sum(tenant.cards.get(card.id, 0) for tenant in tenants)
        other_bytes = max(0, card.total - card.free - worker_bytes)
        held = f", workers hold {worker_bytes / 1e6:.0f} MB, other programs {other_bytes / 1e6:.0f}"
        return Decision(verdict, machine.assignment, message + held + ".", lacks=short)

    def _card_verdict(self, card: Card, start: Start, tenants: Sequence[Tenant]) -> Verdict:
        need, alone = self._needs.on_card(start.name, card.id), self._needs.on_card_alone(start.name, card.id)
        promised = sum(tenant.cards.get(card.id, 0) for tenant in tenants if tenant.coming)
        residents = [tenant.on(card.id) for tenant in tenants if tenant.cards.get(card.id)]
        residents += self._cards.pending(card.id)
        if promised and not self._cards.total(card):
            return Verdict(False, wait=True)  # the worker that starts there wakes the card, and then its size is known
        if promised and self._fits(card, need, alone, residents, start.reserve, 0).admit:
            # A promise may already be taken, and would then count twice: wait until those workers are ready.
            admit = self._fits(card, need, alone, residents, start.reserve, promised).admit
            return Verdict(admit, wait=not admit)
        return self._fits(card, need, alone, residents, start.reserve, promised)

    def _fits(
        self, card: Card, need: int, alone: int, residents: list[Resident], reserve: int, promised: int
    ) -> Verdict:
        return self._budget.decide(need, alone, self._cards.room(card, promised, reserve), residents)

    # --- words -------------------------------------------------------------------------------------------------------

    def _why(self, card: Card, start: Start, tenants: Sequence[Tenant]) -> str:
        verdict = self._card_verdict(card, start, tenants)
        if verdict.admit or verdict.wait:
            machine = self._needs.memory(start.name, card.id) / 1e6
            return f"on {card.device} it would need {machine:.0f} MB of the machine's memory, which has no room for it"
        need = self._needs.on_card(start.name, card.id) + min(start.reserve, card.total // 8)
        free_bytes = min(card.free, card.total - sum(tenant.cards.get(card.id, 0) for tenant in tenants))
        return f"{card.device} has {max(0, free_bytes) / 1e6:.0f} MB free of the {need / 1e6:.0f} MB that it needs"
