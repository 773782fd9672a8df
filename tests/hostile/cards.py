"""The graphics cards of a hostile world: strangers take their memory, they vanish, sleep, and free memory late."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hushd_protocol import messages as m
from hushd_protocol.cards import Card
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.memory.cards import PROBE_FRESH_S
from hushd_supervisor.core.worker.states import State

if TYPE_CHECKING:
    from .world import Process, World

NEED = 3_000_000_000  # of a card, of every worker that uses one
RESERVE = 256_000_000
CPU_REASONS = ("the card failed", "the card had no memory for it")  # whatever a look finds
NEVER = "tts/c/z"  # its engine uses no card


@dataclass
class Device:
    """A card; `late` are the bytes of processes that are gone, and which the driver still counts."""

    id: str
    total: int
    others: int = 0
    late: int = 0
    there: bool = True
    asleep: bool = False


@dataclass
class Cards:
    """All cards of a world, by dice of their own: a world without cards goes on as it always did."""

    world: World
    dice: random.Random
    devices: list[Device] = field(default_factory=list)
    seen: tuple[Card, ...] = ()  # at the last look that was answered
    error: str = ""
    seen_at: float = -1.0  # when that look was answered
    stale: bool = True  # a process has become ready or ended since
    looking: bool = False
    peace: bool = False
    outgrown: set[str] = field(default_factory=set)  # workers that are taken for larger since a load failed
    passed_over: set[tuple[str, str]] = field(default_factory=set)  # workers, each with a card that it did not use

    @classmethod
    def of(cls, world: World, seed: int) -> Cards:
        dice = random.Random(seed * 2 + 10**9)
        count = dice.choice([0, 0, 0, 1, 1, 2, 3])
        sizes = [dice.choice([24, 12, 7, 4]) * 10**9 for _ in range(count)]
        devices = [Device(f"0000:{n:02x}:00.0", size) for n, size in enumerate(sizes)]
        return cls(world, dice, devices)

    def settings(self) -> dict[str, Any]:
        """The part of a configuration that concerns cards."""
        if not self.devices:
            return {}
        return {"vram_mb": NEED / 1e6, "compute_device": self.dice.choice(["auto", "auto", "auto", "cuda", "cuda:1"])}

    # --- the driver --------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """A look begins, and is answered soon, late, or with an error."""
        assert not self.looking, "two looks at once"
        self.looking = True
        self.stale = False
        slow = self.dice.random() < 0.03 and not self.peace
        self.world.at(5.0 if slow else self.dice.choice([0.0, 0.05, 1.3]), lambda: self._answer(slow))

    def _answer(self, failed: bool) -> None:
        self.looking = False
        if self.world.left:
            return
        failed = failed or (self.dice.random() < 0.02 and not self.peace)
        self.error = "no answer" if failed else ""
        there = [] if failed else [device for device in self.devices if device.there]
        self.seen = tuple(self._card(number, device) for number, device in enumerate(there))
        self.seen_at = self.world.now
        self.world.tell(ev.CardsProbed(self.seen, self.error))

    def _card(self, number: int, device: Device) -> Card:
        used = self._used(device)
        if device.asleep:
            return Card(f"cuda:{number}", device.id, asleep=True)
        return Card(f"cuda:{number}", device.id, "a card", device.total, max(0, device.total - used))

    def _used(self, device: Device) -> int:
        used = sum(p.cards.get(device.id, 0) for p in self.world.processes.values() if p.alive)
        used += device.others + device.late
        device.asleep = device.asleep and not used
        return used

    # --- processes ---------------------------------------------------------------------------------------------------

    def spawned(self, process: Process, shown: str, why: str) -> None:
        """A process is started, on a card that has room for it, or on the CPU since none has."""
        if not self.devices:
            assert not shown, "a card on a machine without any"
        if not self.devices or not (shown or why) or why.startswith(CPU_REASONS):
            return
        assert self.world.now - self.seen_at <= PROBE_FRESH_S + 1e-6, "an old look"
        assert not self.stale, "a look from before a change"
        if not shown:
            self.world.events.add("the CPU for want of a card")
            usable = [card for card in self.seen if (base_name(process), card.id) not in self.passed_over]
            free = [card for card in usable if self._has_room(card) and not self._expects_a_start_on(card)]
            free = [card for card in free if not self._takes_too_much_beside(card, process, why)]
            known = base_name(process) not in self.outgrown
            assert self.error or not (free and known), "a card with room is not used"
            return
        card = next(card for card in self.seen if card.device == shown)
        held = sum(p.cards.get(card.id, 0) for p in self.world.processes.values() if p.alive and p.ready)
        assert held + self._promised(card) + NEED <= card.total or card.asleep, "more than the card has in all"
        assert self._has_room(card), "more than the card has"
        process.on_card = card.id
        self.world.events.add("a worker on a card")

    def _expects_a_start_on(self, card: Card) -> bool:
        """Returns whether one is under way there, also one that has failed, of which the pool has not heard yet."""
        workers = self.world.workers
        every = [p for p in self.world.processes.values() if p.on_card == card.id and p.name in workers]
        believed = [p for p in every if workers[p.name].is_current(p.gen) and workers[p.name].state is State.STARTING]
        return bool(believed or self._starting_on(card))

    def _takes_too_much_beside(self, card: Card, process: Process, why: str) -> bool:
        """Returns whether the machine's memory is the reason: a worker may take more of it on a card than without."""
        needs, name = self.world.admission.needs, base_name(process)
        more = needs.memory(name, card.id) > needs.memory(name)
        return more and f"on {card.device} it would need" in why

    def _has_room(self, card: Card) -> bool:
        total = next(device.total for device in self.devices if device.id == card.id)
        free = total if card.asleep else card.free
        return free - self._promised(card) >= NEED + min(RESERVE, total // 8)

    def _promised(self, card: Card) -> int:
        """The memory of a card that starting processes will take."""
        return NEED * sum(p.mode not in ("no-spawn", "load-fails") for p in self._starting_on(card))

    def _starting_on(self, card: Card) -> list[Process]:
        there = [p for p in self.world.processes.values() if p.alive and p.on_card == card.id]
        return [p for p in there if not (p.ready or p.doomed)]

    def ready(self, process: Process) -> dict[str, Any]:
        """The part of a `ready` that concerns cards."""
        uses = process.on_card and base_name(process) != NEVER and self.dice.random() < 0.95
        if not uses:
            self.passed_over.add((base_name(process), process.on_card))
            return {"capabilities": {"compute_device": "cpu"}}
        process.cards = {process.on_card: NEED}
        self.stale = True
        return {"capabilities": {"compute_device": "cuda"}, "cards": process.cards}

    def gone(self, process: Process) -> None:
        """A process has ended; its memory is free at once, or a little later."""
        if not (process.cards or (process.on_card and not process.ready)):
            return
        self.stale = True
        for device in self.devices:
            size = process.cards.get(device.id, 0)
            if size and self.dice.random() < 0.3:
                device.late += size
                self.world.events.add("memory that is free late")
                self.world.at(
                    self.dice.choice([0.05, 0.5, 8.0]), lambda device=device, size=size: self._free(device, size)
                )

    def _free(self, device: Device, size: int) -> None:
        device.late -= size

    def all_is_well(self) -> None:
        """Every card is there and empty from now on, and the driver answers."""
        self.peace = True
        for device in self.devices:
            device.others, device.there = 0, True

    # --- strangers ---------------------------------------------------------------------------------------------------

    def something_happens(self) -> None:
        """One random act of another program, or of the hardware."""
        if not self.devices or self.dice.random() < 0.7:
            return
        device = self.dice.choice(self.devices)
        x = self.dice.random()
        if x < 0.5:
            device.others = int(device.total * self.dice.choice([0.3, 0.8, 1.0]))
            self.world.at(self.dice.uniform(1, 60), lambda: setattr(device, "others", 0))
        elif x < 0.7:
            device.asleep = True
        elif device.there:
            device.there = False
            self.world.events.add("a card vanishes")
            self.world.at(self.dice.uniform(1, 60), lambda: setattr(device, "there", True))
            for process in [p for p in self.world.processes.values() if p.alive and device.id in p.cards]:
                self.world.at(self.dice.random(), lambda process=process: self.world.exit(process, 70))


def base_name(process: Process) -> str:
    return process.name.partition("#")[0]


def beat(process: Process, cpu: float) -> m.Beat:
    """A beat with the memory of cards."""
    return m.Beat(cpu_s=cpu, pss=process.size, cards=process.cards)
