"""Decides where a worker may start, on a graphics card or on the CPU, beside the memory that others take; pure.

Sizes in bytes. `auto` means a card with room, else a card that idle workers can leave, else the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from hushd_protocol.cards import COUNTED, KINDS, Card, kind_of, means

from hushd_supervisor.core.worker.memory import LoadShortage
from hushd_supervisor.core.worker.process import Place
from hushd_supervisor.core.worker.states import State
from hushd_supervisor.core.worker.worker import Worker

from .budget import Budget, Memory, MissingMemory, Verdict, WorkerSize, exceeds, refusal
from .cards import Cards, reserve
from .needs import Needs
from .pressure import SMALL

A_CARD = Place("cuda", "any")  # place of a worker for which no particular card is named


class WorkerUse(NamedTuple):
    """The memory of a worker with a process.

    Attributes:
        machine: its part of the machine's memory.
        cards: its bytes on each card.
        starting: whether these are promises that it may not have taken fully yet.
        promised: bytes of the machine's memory that it is still to take; the others are not available any more.
    """

    machine: WorkerSize
    cards: Mapping[str, int]
    starting: bool
    promised: int = 0

    def on(self, card: str) -> WorkerSize:
        """Returns the worker's size on a card."""
        return replace(self.machine, size=self.cards[card])


class MemoryUse:
    """The memory of all `workers`, a table that it only reads; `needs` has that of processes without a report."""

    def __init__(self, workers: Mapping[str, Worker], needs: Needs) -> None:
        self._workers = workers
        self._needs = needs

    def every(self, now: float) -> list[WorkerUse]:
        """Returns that of every worker with a process."""
        return [self._of(worker, now) for worker in self._workers.values() if worker.state.has_process]

    def on_card(self, card: str, now: float) -> list[WorkerSize]:
        """Returns the workers that take memory of a card, each with that."""
        return [other.on(card) for other in self.every(now) if other.cards.get(card)]

    def of_kind(self, shortage: LoadShortage, now: float) -> list[WorkerSize]:
        """Returns the workers that take memory of the kind that a load lacked."""
        running = (worker for worker in self._workers.values() if worker.state.has_process)
        return [self._of(each, now).machine for each in running if each.memory.on_card or not shortage.on_card]

    def first_end_s(self, now: float) -> float | None:
        """Returns the seconds until the first running job is done, by its worker's usual times."""
        end = min((worker.first_end() for worker in self._workers.values()), default=math.inf)
        return None if end == math.inf else end - now

    def _of(self, worker: Worker, now: float) -> WorkerUse:
        process, starting = worker.process, worker.state is State.STARTING
        size = process.size or self._needs.memory(worker.name, process.card)  # still growing if not reported
        promised = max(0, size - process.loading) if starting else 0
        leaving = worker.state in (State.STOPPING, State.KILLING)
        machine = WorkerSize(worker.name, size, worker.settings.priority, worker.memory.idle_s(now), leaving)
        return WorkerUse(machine, self._on_cards(worker), starting, promised)

    def _on_cards(self, worker: Worker) -> Mapping[str, int]:
        """Returns the bytes that a worker takes on each card, as it reports or as it is expected to."""
        process = worker.process
        if process.cards or not process.card:
            return process.cards
        return {process.card: self._needs.on_card(worker.name, process.card)}


def can_leave(worker: WorkerSize) -> bool:
    """Returns whether a worker can make room: it is idle or already leaves."""
    return worker.idle_s is not None or worker.leaving


class Start(NamedTuple):
    """A start to decide about.

    Attributes:
        asked: the device that the configuration asks for.
        cpu_reason: the reason why it must be on the CPU; empty if it need not.
        kinds: the kinds of cards that its engine may be able to use.
    """

    name: str
    asked: str
    cpu_reason: str = ""
    kinds: tuple[str, ...] = KINDS

    @property
    def may_be_on_cpu(self) -> bool:
        """True if the CPU is a first choice, not a fall-back."""
        return self.asked == "auto"


class Decision(NamedTuple):
    """The verdict on a start; `message` explains a refusal, which may last for `ever`.

    If a refusal has a card in its `place`, that card's memory is short; `workers` are the workers that hold the
    machine's memory. `missing` has the memory that other programs would have to free for a better decision: one of
    these, the first rather than the others.
    """

    verdict: Verdict
    place: Place = Place()
    message: str = ""
    ever: bool = False
    workers: tuple[WorkerSize, ...] = ()
    missing: tuple[MissingMemory, ...] = ()


class Devices:
    """Decides about starts by the needs of workers, the budget and the last probe of the cards."""

    def __init__(self, needs: Needs, budget: Budget, cards: Cards) -> None:
        self._needs = needs
        self._budget = budget
        self._cards = cards

    def chooses(self, start: Start) -> bool:
        """Returns whether a start may use a card, so that it needs a probe of the cards."""
        may = not start.cpu_reason and kind_of(start.asked) in ("auto", COUNTED)
        return may and COUNTED in start.kinds and self._needs.uses_cards(start.name) and self._cards.there()

    def decide(self, start: Start, memory: Memory, others: Sequence[WorkerUse], patient: bool = True) -> Decision:
        """Decides about a start beside `others`, after a fresh probe where it `chooses`.
        Unless `patient`, a start that may use the CPU no longer waits for a card."""
        if not self.chooses(start):
            place = Place("cpu", why=start.cpu_reason) if start.cpu_reason else Place()
            return self._anywhere(start.name, place, memory, others)
        if self._cards.error:
            why = f"the graphics cards cannot be used: {self._cards.error}"
            return self._off_card(start, why, memory, others)
        cards = self._usable(start)
        if not cards:  # the engine itself best reports that there is none, or finds one that we do not know
            return self._anywhere(start.name, Place(), memory, others)
        decisions = [self._on(card, start, memory, others) for card in cards]
        admitted = [decision for decision in decisions if decision.verdict.admit]
        waits = [decision for decision in decisions if decision.verdict.wait]
        if admitted:
            return max(admitted, key=lambda decision: self._cards.free(decision.place.card))  # the emptiest
        if waits and (patient or not start.may_be_on_cpu):
            return min(waits, key=lambda decision: len(decision.verdict.evict))
        missing = (each for decision in decisions for each in decision.missing)
        short = tuple(sorted(missing, key=lambda each: each.vram))
        if not start.may_be_on_cpu:
            return decisions[0]._replace(missing=short)
        why = "; ".join(self._why(card, start, others) for card in cards)
        why = f"{waits[0].place.device} did not become free in time" if waits else why
        on_cpu = self._off_card(start, why, memory, others)
        return on_cpu._replace(missing=short + on_cpu.missing)

    def _usable(self, start: Start) -> list[Card]:
        """The cards that match the request, without those that the engine did not use when given."""
        may = (card for card in self._cards.seen if means(start.asked, card.device))
        return [card for card in may if self._needs.on_card(start.name, card.id)]

    # --- one device --------------------------------------------------------------------------------------------------

    def _anywhere(self, name: str, place: Place, memory: Memory, others: Sequence[WorkerUse]) -> Decision:
        """Decides by the machine's memory alone."""
        need, alone = self._needs.memory(name, place.card), self._needs.memory_alone(name, place.card)
        limit, taken = self._budget.limit(memory), [other.machine for other in others]
        if alone > limit:
            return Decision(Verdict(False), place, exceeds(name, alone, memory, limit), ever=True)
        promised = sum(other.promised for other in others)
        headroom = self._budget.headroom(memory, promised)
        verdict = self._budget.decide(need, alone, headroom, taken)
        if promised and not verdict.admit:
            without = self._budget.decide(need, alone, self._budget.headroom(memory, 0), taken)
            if without.admit:  # the others may have taken it since it was measured: it is known once they are ready
                small = need <= SMALL * memory.available
                verdict = Verdict(small, wait=not small)
        refused = not (verdict.admit or verdict.wait)
        message = refusal(name, need, memory, headroom.limit, taken) if refused else ""
        short = (MissingMemory(verdict.short_by),) if verdict.short_by else ()
        return Decision(verdict, place, message, workers=tuple(taken), missing=short)

    def _off_card(self, start: Start, why: str, memory: Memory, others: Sequence[WorkerUse]) -> Decision:
        """Decides for the CPU where a start may be there."""
        if start.may_be_on_cpu:
            return self._anywhere(start.name, Place("cpu", why=why), memory, others)
        return Decision(Verdict(False), A_CARD, f"{start.name} cannot start now, since {why}.")

    def _on(self, card: Card, start: Start, memory: Memory, others: Sequence[WorkerUse]) -> Decision:
        """Decides by the memory of the machine and of a card."""
        machine = self._anywhere(start.name, Place(card.device, card.id), memory, others)
        verdict = self._card_verdict(card, start, others)
        missing = MissingMemory(machine.verdict.short_by, card.id, verdict.short_by)
        short = (missing,) if missing and machine.verdict.possible and verdict.possible else ()
        if verdict.admit or verdict.wait:
            decision = machine._replace(verdict=machine.verdict & verdict, missing=short)
            if decision.verdict.admit or decision.verdict.wait:
                return decision
            return decision._replace(place=Place())
        why = self._why(card, start, others)
        message = f"There is no room for {start.name} on {card.device} now: {why}"
        worker_bytes = sum(other.cards.get(card.id, 0) for other in others)
        other_bytes = max(0, card.total - card.free - worker_bytes)
        held = f", workers hold {worker_bytes / 1e6:.0f} MB, other programs {other_bytes / 1e6:.0f}"
        return Decision(verdict, machine.place, message + held + ".", missing=short)

    def _card_verdict(self, card: Card, start: Start, others: Sequence[WorkerUse]) -> Verdict:
        need, alone = self._needs.on_card(start.name, card.id), self._needs.on_card_alone(start.name, card.id)
        promised = sum(other.cards.get(card.id, 0) for other in others if other.starting)
        taken = [other.on(card.id) for other in others if other.cards.get(card.id)]
        taken += self._cards.pending(card.id)
        if promised and not self._cards.total(card):
            return Verdict(False, wait=True)  # the worker that starts there wakes the card, and then its size is known
        if promised and self._fits(card, need, alone, taken, 0).admit:
            # A promise may already be taken, and would then count twice: wait until those workers are ready.
            admit = self._fits(card, need, alone, taken, promised).admit
            return Verdict(admit, wait=not admit)
        return self._fits(card, need, alone, taken, promised)

    def _fits(self, card: Card, need: int, alone: int, taken: list[WorkerSize], promised: int) -> Verdict:
        return self._budget.decide(need, alone, self._cards.headroom(card, promised), taken)

    # --- words -------------------------------------------------------------------------------------------------------

    def _why(self, card: Card, start: Start, others: Sequence[WorkerUse]) -> str:
        verdict = self._card_verdict(card, start, others)
        if verdict.admit or verdict.wait:
            machine = self._needs.memory(start.name, card.id) / 1e6
            return f"on {card.device} it would need {machine:.0f} MB of the machine's memory, which has no room for it"
        need = self._needs.on_card(start.name, card.id) + reserve(card.total)
        free_bytes = min(card.free, card.total - sum(other.cards.get(card.id, 0) for other in others))
        return f"{card.device} has {max(0, free_bytes) / 1e6:.0f} MB free of the {need / 1e6:.0f} MB that it needs"
