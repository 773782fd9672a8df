"""The decision about a start: where it may be, who leaves for it, or why it is refused; a pure function of a snapshot.

Sizes in bytes. `auto` means a card with room, else a card that idle workers can leave, else the CPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from hushd_protocol.cards import means

from hushd_supervisor.core.worker.memory import Setback
from hushd_supervisor.core.worker.process import Place

from .budget import Headroom, Memory, MissingMemory, Verdict, WorkerSize, critically_short, exceeds, fit, refusal
from .cards import NO_LIMIT, CardRoom, reserve
from .pressure import SMALL, VERY_LOW

CARD_FULL = "the card had no memory for it"
_A_CARD = Place("cuda", "any")  # place of a worker for which no particular card is named


class WorkerUse(NamedTuple):
    """The memory of a worker with a process.

    Attributes:
        machine: its part of the machine's memory.
        cards: its bytes on each card.
        starting: whether these are promises that it may not have taken fully yet.
        promised: bytes of the machine's memory that it is still to take; the others are not available any more.
        on_card: whether it computes on a card, or was started to.
    """

    machine: WorkerSize
    cards: Mapping[str, int]
    starting: bool = False
    promised: int = 0
    on_card: bool = False

    def on(self, card: str) -> WorkerSize:
        """Returns the worker's size on a card."""
        return replace(self.machine, size=self.cards[card])

    @property
    def can_leave(self) -> bool:
        """True if it can make room: it is idle or already leaves."""
        return self.machine.idle_s is not None or self.machine.leaving


class Need(NamedTuple):
    """The memory that a start takes of the machine, and of a card; `alone` is each with no other worker there."""

    memory: int
    alone: int
    card: int = 0
    card_alone: int = 0


class Start(NamedTuple):
    """A start to decide about.

    Attributes:
        asked: the device that the configuration asks for; with `auto` the CPU is a first choice, not a fall-back.
        need: its need on the CPU.
        on_cards: its need on each card of the snapshot, by the card's place on the bus.
        may_use_cards: whether its engine and the configuration allow a card that the driver reports.
        setback: the reasons that have kept its last process from its memory.
        patient: whether it goes on waiting for a card although the CPU would do.
    """

    name: str
    asked: str
    need: Need
    on_cards: Mapping[str, Need]
    may_use_cards: bool
    setback: Setback = Setback()
    patient: bool = True

    @property
    def chooses(self) -> bool:
        """True if it may use a card, so that the cards must be known."""
        return self.may_use_cards and not self.setback.cpu_reason


class Snapshot(NamedTuple):
    """The machine at the time of a decision.

    Attributes:
        memory: the machine's memory, of which all workers together may take `limit`.
        critical: whether memory is critically short, or was a moment ago.
        workers: those that have a process.
        cards: the cards at the last probe, or `cards_error`, the reason why they are not known.
        probed: whether that probe is fresh enough.
    """

    memory: Memory
    limit: int
    critical: bool
    workers: Sequence[WorkerUse]
    cards: Sequence[CardRoom] = ()
    cards_error: str = ""
    probed: bool = True


class Decision(NamedTuple):
    """The verdict on a start; `message` explains a refusal, which may last for `ever`.

    If a refusal has a card in its `place`, that card's memory is short.

    Attributes:
        missing: the memory that other programs would have to free for a better decision, one of these, the first
            rather than the others.
        probe: whether the cards must be probed first.
        held: whether it only waits until memory is no longer critically short, and is refused if that takes too long.
        setback: the new one of the start, None if it stays as it was.
    """

    verdict: Verdict
    place: Place = Place()
    message: str = ""
    ever: bool = False
    missing: tuple[MissingMemory, ...] = ()
    probe: bool = False
    held: bool = False
    setback: Setback | None = None


PROBE = Decision(Verdict(False, wait=True), probe=True)


def decide(start: Start, now: Snapshot) -> Decision:
    """Decides about a start.

    While memory is critically short only those start that fit as it is measured, or take little of it. After a load
    that failed for lack of memory, the workers that can leave do so for a second one; at last `auto` is the CPU.
    """
    promised = sum(other.promised for other in now.workers)
    if now.critical and promised + start.need.memory > int(SMALL * now.memory.available):
        reserved = max(now.memory.reserve, int(VERY_LOW * now.memory.total))
        lacking = start.need.memory + promised + reserved - now.memory.available
        if lacking > 0:
            leaving = sum(other.machine.size for other in now.workers if other.machine.leaving)
            missing = (MissingMemory(lacking - leaving),) if lacking > leaving else ()
            message = critically_short(start.name, start.need.memory, now.memory)
            return Decision(Verdict(False, wait=True), message=message, missing=missing, held=True)
    setback = start.setback
    if not setback.failures:
        return _place(start, now)
    again = setback.failures == 1  # a second failure is the last
    holders = [other for other in now.workers if other.on_card or not setback.on_card]
    if again and any(other.can_leave for other in holders):
        idle = tuple(other.machine.name for other in holders if other.machine.idle_s is not None)
        return Decision(Verdict(False, idle, wait=True), setback=setback._replace(evicted=True))
    if again and setback.evicted:
        return _place(start, now)
    if setback.on_card and not setback.cpu_reason and start.asked == "auto":
        on_cpu = Setback(cpu_reason=CARD_FULL)
        return _place(start._replace(setback=on_cpu), now)._replace(setback=on_cpu)
    names = ", ".join(other.machine.name for other in holders)
    held = f"Some of it is held by {names}, which cannot leave now." if names else "No other worker holds any."
    return Decision(Verdict(False), _A_CARD if setback.on_card else Place(), f"{setback.message} {held}")


def _place(start: Start, now: Snapshot) -> Decision:
    """Decides where it may start."""
    if why := start.setback.cpu_reason:
        return _on_machine(start, start.need, Place("cpu", why=why), now)
    if not start.chooses:
        return _on_machine(start, start.need, Place(), now)
    if not now.probed:
        return PROBE
    if now.cards_error:
        return _off_card(start, f"the graphics cards cannot be used: {now.cards_error}", now)
    # A need of 0 is that of an engine which did not use the card when given.
    rooms = [each for each in now.cards if means(start.asked, each.card.device) and start.on_cards[each.card.id].card]
    if not rooms:  # the engine itself best reports that there is none, or finds one that we do not know
        return _on_machine(start, start.need, Place(), now)
    decisions = [_on_card(room, start, now) for room in rooms]
    admitted = [(room.card.free, each) for room, each in zip(rooms, decisions, strict=True) if each.verdict.admit]
    waits = [decision for decision in decisions if decision.verdict.wait]
    if admitted:
        return max(admitted, key=lambda pair: pair[0])[1]  # the emptiest
    if waits and (start.patient or start.asked != "auto"):
        return min(waits, key=lambda decision: len(decision.verdict.evict))
    short = tuple(sorted((each for decision in decisions for each in decision.missing), key=lambda each: each.vram))
    if start.asked != "auto":
        return decisions[0]._replace(missing=short)
    why = "; ".join(_why(room, start, now) for room in rooms)
    on_cpu = _off_card(start, f"{waits[0].place.device} did not become free in time" if waits else why, now)
    return on_cpu._replace(missing=short + on_cpu.missing)


# --- one device ----------------------------------------------------------------------------------------------------


def _on_machine(start: Start, need: Need, place: Place, now: Snapshot) -> Decision:
    """Decides by the machine's memory alone."""
    place = place._replace(need=need.memory)
    if need.alone > now.limit:
        return Decision(Verdict(False), place, exceeds(start.name, need.alone, now.memory, now.limit), ever=True)
    workers = [other.machine for other in now.workers]
    headroom = Headroom(now.limit, now.memory.available, now.memory.reserve)
    promised = sum(other.promised for other in now.workers)
    verdict = _beside_starts(need.memory, need.alone, headroom, promised, workers, int(SMALL * now.memory.available))
    refused = not (verdict.admit or verdict.wait)
    message = refusal(start.name, need.memory, now.memory, now.limit, workers) if refused else ""
    return Decision(verdict, place, message, missing=(MissingMemory(verdict.short_by),) if verdict.short_by else ())


def _off_card(start: Start, why: str, now: Snapshot) -> Decision:
    """Decides for the CPU where a start may be there."""
    if start.asked == "auto":
        return _on_machine(start, start.need, Place("cpu", why=why), now)
    return Decision(Verdict(False), _A_CARD, f"{start.name} cannot start now, since {why}.")


def _on_card(room: CardRoom, start: Start, now: Snapshot) -> Decision:
    """Decides by the memory of the machine and of a card."""
    card = room.card
    machine = _on_machine(start, start.on_cards[card.id], Place(card.device, card.id), now)
    verdict = _card_verdict(room, start, now)
    missing = MissingMemory(machine.verdict.short_by, card.id, verdict.short_by)
    short = (missing,) if missing and machine.verdict.possible and verdict.possible else ()
    if verdict.admit or verdict.wait:
        both = machine.verdict & verdict
        place = machine.place if both.admit or both.wait else Place()  # no card is short
        return machine._replace(verdict=both, place=place, missing=short)
    workers = sum(other.cards.get(card.id, 0) for other in now.workers)
    others = max(0, card.total - card.free - workers)
    held = f", workers hold {workers / 1e6:.0f} MB, other programs {others / 1e6:.0f}."
    message = f"There is no room for {start.name} on {card.device} now: {_why(room, start, now)}{held}"
    return Decision(verdict, machine.place, message, missing=short)


def _card_verdict(room: CardRoom, start: Start, now: Snapshot) -> Verdict:
    """Decides by the memory of a card alone."""
    id, need = room.card.id, start.on_cards[room.card.id]
    promised = sum(other.cards.get(id, 0) for other in now.workers if other.starting)
    if promised and room.headroom.limit == NO_LIMIT:
        return Verdict(False, wait=True)  # the worker that starts there wakes the card, and then its size is known
    workers = [other.on(id) for other in now.workers if other.cards.get(id)] + list(room.pending)
    return _beside_starts(need.card, need.card_alone, room.headroom, promised, workers)


def _beside_starts(
    need: int, alone: int, headroom: Headroom, promised: int, workers: list[WorkerSize], small: int = 0
) -> Verdict:
    """Decides beside the part `promised` to starting workers. They may have taken it since memory was measured, and it
    would count twice: a start that would fit then waits until they are ready, unless its need is `small`."""
    verdict = fit(need, alone, headroom.less(promised), workers)
    if promised and not verdict.admit and fit(need, alone, headroom, workers).admit:
        return Verdict(need <= small, wait=need > small)
    return verdict


def _why(room: CardRoom, start: Start, now: Snapshot) -> str:
    """Says why a start is not on a card."""
    card, verdict = room.card, _card_verdict(room, start, now)
    if verdict.admit or verdict.wait:
        machine = start.on_cards[card.id].memory / 1e6
        return f"on {card.device} it would need {machine:.0f} MB of the machine's memory, which has no room for it"
    need = start.on_cards[card.id].card + reserve(card.total)
    free = min(card.free, card.total - sum(other.cards.get(card.id, 0) for other in now.workers))
    return f"{card.device} has {max(0, free) / 1e6:.0f} MB free of the {need / 1e6:.0f} MB that it needs"
