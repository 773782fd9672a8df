"""Memory for all workers: which may start, which leave for others, and what follows while memory is short; pure."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Mapping

from hushd_protocol import messages as m
from hushd_protocol.cards import Card
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import readable
from hushd_schema.settings import Settings

from hushd_supervisor.core.actions import Action, Log
from hushd_supervisor.core.events import Exited
from hushd_supervisor.core.worker.memory import LoadShortage
from hushd_supervisor.core.worker.process import Place
from hushd_supervisor.core.worker.states import State
from hushd_supervisor.core.worker.worker import Worker

from .budget import Budget, Memory, MissingMemory, Verdict, advice, critically_short
from .cards import Cards
from .devices import A_CARD, Decision, Devices, MemoryUse, Start, can_leave
from .needs import Estimated, Needs
from .pressure import MEASURE_INTERVAL_S, SMALL, VERY_LOW, Level, Pressure, sign
from .when_short import WhenShort

PLENTY = Memory(1 << 62, 1 << 62)
CARD_WAIT_S = 10.0  # seconds to wait for room on a card where the CPU will do as well
HELD_START_S = 10.0  # seconds that a start waits for the end of critical pressure
HELD_MEASURE_INTERVAL_S = 0.5  # seconds between two measures of memory while a start is held


class Admission:
    """Admits the starts of the pool's `workers`, a table that it only reads.

    Args:
        needs: the needs of workers in earlier lives, see `needs.Needs`.
        has_cards: whether the machine may have graphics cards; cheap.
        estimate: estimates what a worker of this name needs; asked before its first life.
    """

    def __init__(
        self,
        settings: Settings,
        workers: Mapping[str, Worker],
        memory: Callable[[], Memory],
        needs: Mapping[str, int] | None,
        has_cards: Callable[[], bool] = lambda: False,
        estimate: Callable[[str], Estimated] = lambda _: Estimated(),
    ) -> None:
        self._workers = workers
        self._settings = settings
        self._memory = memory
        self._pressure = Pressure()
        self.needs = Needs(settings, needs, estimate)
        self.use = MemoryUse(workers, self.needs)
        self._budget = Budget(settings)
        self.cards = Cards(has_cards)
        self._devices = Devices(self.needs, self._budget, self.cards)
        self._level = Level.NORMAL
        self._when_short = WhenShort()
        self._measured_at = -math.inf
        self._due = math.inf

    def configure(self, settings: Settings) -> None:
        self.needs.configure(settings)
        self._settings, self._budget = settings, Budget(settings)
        self._devices = Devices(self.needs, self._budget, self.cards)

    def deadline(self) -> float:
        """The time of the next measure or probe, `math.inf` for never."""
        return self._due

    # --- pressure ----------------------------------------------------------------------------------------------------

    @property
    def level(self) -> Level:
        """The level of pressure after the last event."""
        return self._level

    def economy(self) -> bool:
        """Returns whether jobs are to use less memory."""
        return self._level >= Level.WARNING

    def _measure(self, now: float) -> Memory:
        """Measures memory, and takes the result as a sign."""
        self._measured_at, memory = now, self._memory()
        self._pressure.see(sign(memory), now)
        return memory

    def measure(self, now: float) -> tuple[Memory, int, Level]:
        """The memory, how much of it all workers may take, and the level of pressure; changes nothing."""
        memory = self._memory()
        return memory, self._budget.limit(memory), max(self._pressure.level(now), sign(memory))

    def on_time(self, now: float) -> None:
        """Measures memory once `deadline` has passed: no level falls without that."""
        self.cards.on_time(now)
        if self._due <= now:
            self._measure(now)

    # --- processes ---------------------------------------------------------------------------------------------------

    def learn(self, worker: Worker, message: m.Message) -> None:
        """Learns from the size that a process has reported, or from a load that did not fit on its card."""
        self.needs.learn(worker, message, self.cards.free)
        if worker.process.cards and not isinstance(message, m.LoadFailed):
            self.cards.memory_changed()

    def ended(self, worker: Worker, exit: Exited, now: float) -> None:
        """Notes an exit that is about to be handled, during which the kernel may have killed one of our processes."""
        process = worker.process
        killed_this = bool(exit.out_of_memory) and exit.status == -signal.SIGKILL and not process.killed
        if killed_this and worker.state is State.STARTING:
            self.needs.killed(worker.name, process.loading)
        self.cards.gone(process.on_cards, now)
        if not exit.out_of_memory:
            self.needs.life_ended(worker.name)

    def probed(self, cards: tuple[Card, ...], error: str, now: float) -> list[Action]:
        """Takes the answer to a probe of the cards."""
        others = self.use.every(now)
        taken = {card.id: sum(other.cards.get(card.id, 0) for other in others) for card in cards}
        new = error and error != self.cards.error
        self.cards.probed(cards, error, taken, now)
        return [Log("WARNING", f"the graphics cards cannot be used: {error}")] if new else []

    # --- starts and exits --------------------------------------------------------------------------------------------

    def admit_waiting(self, now: float) -> list[Action]:
        """Starts the workers that wait for memory, the most urgent first; is called after any event.

        If memory is lacking, asks idle workers to leave, or refuses. Under critical pressure workers start that are
        small, or fit as it is measured now; the others wait, since its end is near as a rule.
        """
        waiting = self._waiting()
        memory = self._measure(now) if waiting else PLENTY
        actions = self._update_level(now)
        waiting.sort(key=lambda worker: next(worker.order(now)).urgency(now))
        if self._level is Level.CRITICAL:
            actions += self._admit_critical(waiting, now)
        else:
            for worker in waiting:
                actions += self._decide(worker, memory, now)
        lives, waiting = any(worker.state.has_process for worker in self._workers.values()), self._waiting()
        self._when_short.forget_all_but({worker.name for worker in waiting})
        self._due = min(self.cards.deadline(), self._when_short.deadline(now))
        if lives:
            self._due = min(self._due, self._pressure.deadline(now), max(now, self._measured_at + MEASURE_INTERVAL_S))
        if waiting:
            ends = [worker.memory.waits_until(CARD_WAIT_S) for worker in waiting]
            if self._level is Level.CRITICAL:
                ends += [self._pressure.deadline(now), self._measured_at + HELD_MEASURE_INTERVAL_S]
                ends += [worker.memory.memory_wait_deadline(HELD_START_S) for worker in waiting]
            self._due = min(self._due, *(end for end in ends if end > now), math.inf)  # others wait for exits
        return actions

    def _waiting(self) -> list[Worker]:
        return [worker for worker in self._workers.values() if worker.state is State.WAITING]

    def _admit_critical(self, waiting: list[Worker], now: float) -> list[Action]:
        """Starts workers that fit as memory is measured now, or take little of the free memory, and delays the others.
        If it is critically short by that itself, all but small idle workers leave: the memory that a
        small one gives back is not worth loading it again."""
        actions: list[Action] = []
        idle = [other.machine for other in self.use.every(now) if other.machine.idle_s is not None]
        if not (waiting or idle):
            return actions
        memory = self._measure(now)
        spare = int(SMALL * memory.available)
        for name in self._budget.beyond(spare, idle) if sign(memory) is Level.CRITICAL else ():
            actions += self.evict(name, now)
        for worker in waiting:
            need, others = self.needs.memory(worker.name), self.use.every(now)
            promised = sum(other.promised for other in others)
            lacking = need + promised + max(memory.reserve, int(VERY_LOW * memory.total)) - memory.available
            if lacking <= 0 or promised + need <= spare:
                actions += self._decide(worker, memory, now)
                continue
            leaving = sum(other.machine.size for other in others if other.machine.leaving)
            actions += self._ask(worker, MissingMemory(lacking - leaving), now) if lacking > leaving else []
            retry_ms = max(1000, int((self._pressure.deadline(now) - now) * 1000))
            sentence = critically_short(worker.name, need, memory)
            actions += worker.memory.keep_waiting(now, HELD_START_S, sentence, retry_ms)
        return actions

    # --- the user's program ------------------------------------------------------------------------------------------

    def relieved(self, freed: bool, now: float) -> None:
        """Takes the end of the program that may have freed memory: the cards are probed anew."""
        self._when_short.ended(freed, now)
        self.cards.memory_changed()

    def _ask(self, worker: Worker, missing: MissingMemory, now: float) -> list[Action]:
        """Has the program run for a worker's start, whose clients are told what it waits for."""
        device = next((card.device for card in self.cards.seen if card.id == missing.card), "")
        actions = self._when_short.ask(tuple(self._settings.memory.when_short), worker.name, missing, device, now)
        if not self._when_short.awaited(now):
            return actions
        if self._when_short.shows(now) and missing.card:
            self.cards.probe_soon(now)
        size = readable(missing.ram + missing.vram)
        return actions + worker.memory.wait_for_others(now, f"waiting for others to free {size}")

    def _update_level(self, now: float) -> list[Action]:
        level = self._pressure.level(now)
        if level is self._level:
            return []
        previous, self._level = self._level, level
        if level < previous and self._due == math.inf:  # noticed long afterwards, since no worker lived
            return []
        return [Log("WARNING" if level else "INFO", f"memory pressure is {level.word}")]

    def _decide(self, worker: Worker, memory: Memory, now: float) -> list[Action]:
        shortage, waits_until = worker.memory.shortage, worker.memory.waits_until(CARD_WAIT_S)
        if shortage is not None and not self._others_have_left(shortage, now):
            return self._after(shortage, worker, memory, now)
        start = self._start(worker)
        if self._must_probe(start, now):
            return self.cards.probe()
        decision = self._devices.decide(start, memory, self.use.every(now), now < waits_until)
        verdict = decision.verdict
        actions: list[Action] = []
        if decision.missing:
            actions += self._ask(worker, decision.missing[0], now)
            if self._when_short.awaited(now):
                return actions
        if verdict.admit:
            need = self.needs.memory(worker.name, decision.place.card)
            return actions + worker.memory.admit(now, decision.place, need)
        if not verdict.wait:
            actions += self._give_up_start(worker, decision, memory, now)
        elif decision.place.card and self.cards.pending(decision.place.card):
            self.cards.probe_soon(now)
        return actions + [action for name in verdict.evict for action in self.evict(name, now)]

    def evict(self, name: str, now: float) -> list[Action]:
        return self._workers[name].memory.evict(now)

    def _give_up_start(self, worker: Worker, decision: Decision, memory: Memory, now: float) -> list[Action]:
        """Gives up a start, or has it go on on the CPU."""
        on_card = bool(decision.place.card) and not decision.ever
        if decision.ever:
            error = HushdError("model_too_large", decision.message)
        else:
            retry_ms = self._retry_ms(now)
            helps = "" if on_card else f" {advice(retry_ms, decision.workers)}"
            error = HushdError("server_busy", decision.message + helps, retry_ms)
        actions = worker.memory.abandon_start(now, error, on_card)
        return actions + self._decide(worker, memory, now) if worker.state is State.WAITING else actions

    def _others_have_left(self, shortage: LoadShortage, now: float) -> bool:
        """Returns whether the workers that could leave have left, so that a second load may be tried."""
        return not shortage.final and shortage.evicted and not any(map(can_leave, self.use.of_kind(shortage, now)))

    def _after(self, shortage: LoadShortage, worker: Worker, memory: Memory, now: float) -> list[Action]:
        """Goes on after a load that failed for lack of memory: others leave for a second try, or it is given up."""
        others = self.use.of_kind(shortage, now)
        if not shortage.final and any(map(can_leave, others)):
            worker.memory.asked_others()
            idle = [other.name for other in others if other.idle_s is not None]
            return [action for name in idle for action in self.evict(name, now)]
        names = ", ".join(other.name for other in others)
        held = f"Some of it is held by {names}, which cannot leave now." if names else "No other worker holds any."
        place = A_CARD if shortage.on_card else Place()
        decision = Decision(Verdict(False), place, f"{shortage.message} {held}", workers=tuple(others))
        return self._give_up_start(worker, decision, memory, now)

    def _must_probe(self, start: Start, now: float) -> bool:
        """Returns whether the start must wait for a probe of the cards."""
        return self._devices.chooses(start) and not self.cards.fresh(now)

    def _start(self, worker: Worker) -> Start:
        kinds = worker.memory.card_kinds if self.cards.there() else ()
        return Start(worker.name, worker.settings.compute_device, worker.memory.cpu_reason, kinds)

    def probe_for(self, worker: Worker, now: float) -> list[Action]:
        """Probes the cards if `place_for` needs to know them first."""
        return self.cards.probe() if self._must_probe(self._replica(worker), now) else []

    def place_for(self, worker: Worker, now: float) -> Place | None:
        """Returns where a replica of `worker` could start now, with no worker leaving for it; None if there is no room,
        or the cards must be probed first."""
        start = self._replica(worker)
        return None if self._must_probe(start, now) else self._fits(start, now)

    def _replica(self, worker: Worker) -> Start:
        return self._start(worker)._replace(cpu_reason="")

    def _fits(self, start: Start, now: float) -> Place | None:
        if self._waiting():
            return None
        decision = self._devices.decide(start, self._measure(now), self.use.every(now))
        return decision.place if self._pressure.level(now) is Level.NORMAL and decision.verdict.admit else None

    def _retry_ms(self, now: float) -> int:
        """Returns the ms after which to ask again: when the first running job is done, as estimated from its worker's
        usual times; without any, a minute."""
        left_s = self.use.first_end_s(now)
        return 60_000 if left_s is None else max(1000, int(left_s * 1000))
