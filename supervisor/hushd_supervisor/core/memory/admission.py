"""Memory for all workers: which may start, which leave for others, and what follows while memory is short; pure."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Mapping

from hushd_protocol import messages as m
from hushd_protocol.cards import COUNTED, Card, kind_of
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import readable
from hushd_schema.settings import Settings

from hushd_supervisor.core.actions import Action, Log
from hushd_supervisor.core.events import Exited
from hushd_supervisor.core.worker.memory import NO_SETBACK
from hushd_supervisor.core.worker.states import State
from hushd_supervisor.core.worker.worker import Worker

from .budget import Memory, MissingMemory, Verdict, WorkerSize, advice, beyond
from .cards import Cards
from .decision import PROBE, Decision, Snapshot, Start, WorkerUse, decide
from .needs import Estimated, Needs
from .pressure import MEASURE_INTERVAL_S, SMALL, Level, Pressure, sign
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
        self.cards = Cards(has_cards)
        self._level = Level.NORMAL
        self._when_short = WhenShort()
        self._measured_at = -math.inf
        self._due = math.inf

    def configure(self, settings: Settings) -> None:
        self.needs.configure(settings)
        self._settings = settings

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
        return memory, self._limit(memory), max(self._pressure.level(now), sign(memory))

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
        others = self.uses(now)
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
            actions += self._free(now)
        for worker in waiting:
            actions += self._admit(worker, memory, now)
        lives, waiting = any(worker.state.has_process for worker in self._workers.values()), self._waiting()
        self._when_short.forget_all_but({worker.name for worker in waiting})
        self._due = min(self.cards.deadline(), self._when_short.deadline(now))
        if lives:
            self._due = min(self._due, self._pressure.deadline(now), max(now, self._measured_at + MEASURE_INTERVAL_S))
        if waiting:
            ends = [worker.memory.waits_until(CARD_WAIT_S) for worker in waiting]
            if self._level is Level.CRITICAL:
                ends += [self._pressure.deadline(now), self._measured_at + HELD_MEASURE_INTERVAL_S]
                ends += [worker.memory.first_waits_until(HELD_START_S) for worker in waiting]
            self._due = min(self._due, *(end for end in ends if end > now), math.inf)  # others wait for exits
        return actions

    def _waiting(self) -> list[Worker]:
        return [worker for worker in self._workers.values() if worker.state is State.WAITING]

    def _free(self, now: float) -> list[Action]:
        """Has all but small idle workers leave while memory is critically short by itself: the memory that a small one
        gives back is not worth loading it again."""
        idle = [use.machine for use in self.uses(now) if use.machine.idle_s is not None]
        memory = self._measure(now) if idle else PLENTY
        names = beyond(int(SMALL * memory.available), idle) if sign(memory) is Level.CRITICAL else ()
        return [action for name in names for action in self._workers[name].memory.evict(now)]

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

    def _admit(self, worker: Worker, memory: Memory, now: float) -> list[Action]:
        """Decides about a start that waits for memory, and carries that out."""
        decision = decide(self._start(worker, now), self._snapshot(memory, now))
        verdict, place, its = decision.verdict, decision.place, worker.memory
        if decision.setback is not None:
            its.setback = decision.setback
        if decision.probe:
            return self.cards.probe()
        actions = self._ask(worker, decision.missing[0], now) if decision.missing else []
        if decision.held:
            retry_ms = max(1000, int((self._pressure.deadline(now) - now) * 1000))
            return actions + its.refuse(now, HushdError("server_busy", decision.message, retry_ms), HELD_START_S)
        if decision.missing and self._when_short.awaited(now):
            return actions
        if verdict.admit:
            return actions + its.admit(now, place)
        if not verdict.wait:
            return actions + its.refuse(now, self._refusal(decision, now))
        if self.cards.pending(place.card):
            self.cards.probe_soon(now)
        return actions + [action for name in verdict.evict for action in self._workers[name].memory.evict(now)]

    def _refusal(self, decision: Decision, now: float) -> HushdError:
        """The error of a refused start: it may be asked for again when the first running job is done, as estimated from
        its worker's usual times; without any, in a minute."""
        if decision.ever:
            return HushdError("model_too_large", decision.message)
        end = min((worker.first_end() for worker in self._workers.values()), default=math.inf)
        retry_ms = 60_000 if end == math.inf else max(1000, int((end - now) * 1000))
        helps = "" if decision.place.card else f" {advice(retry_ms, [use.machine for use in self.uses(now)])}"
        return HushdError("server_busy", decision.message + helps, retry_ms)

    def spare(self, worker: Worker, now: float) -> Decision:
        """Decides about a start for which no request waits, of `worker` or a replica: it only takes room that is
        free."""
        start = self._start(worker, now)._replace(setback=NO_SETBACK, patient=True)
        if start.chooses and not self.cards.fresh(now):
            return PROBE
        if self._waiting():
            return Decision(Verdict(False))
        decision = decide(start, self._snapshot(self._measure(now), now))
        return decision if self._pressure.level(now) is Level.NORMAL else Decision(Verdict(False))

    # --- the snapshot ------------------------------------------------------------------------------------------------

    def uses(self, now: float) -> list[WorkerUse]:
        """The memory of every worker with a process."""
        return [self._use(worker, now) for worker in self._workers.values() if worker.state.has_process]

    def _use(self, worker: Worker, now: float) -> WorkerUse:
        process, starting = worker.process, worker.state is State.STARTING
        size = process.size or self.needs.memory(worker.name, process.card)  # still growing if not reported
        leaving = worker.state in (State.STOPPING, State.KILLING)
        machine = WorkerSize(worker.name, size, worker.settings.priority, worker.memory.idle_s(now), leaving)
        cards = process.cards
        if process.card and not cards:
            cards = {process.card: self.needs.on_card(worker.name, process.card)}
        promised = max(0, size - process.loading) if starting else 0
        return WorkerUse(machine, cards, starting, promised, worker.memory.on_card)

    def _limit(self, memory: Memory) -> int:
        """The most that all workers together may take."""
        return int(self._settings.memory_share * memory.total)

    def _snapshot(self, memory: Memory, now: float) -> Snapshot:
        critical, cards = self._pressure.level(now) is Level.CRITICAL, self.cards
        rooms, error, fresh = cards.rooms(), cards.error, cards.fresh(now)
        return Snapshot(memory, self._limit(memory), critical, self.uses(now), rooms, error, fresh)

    def _start(self, worker: Worker, now: float) -> Start:
        name, asked, needs, memory = worker.name, worker.settings.compute_device, self.needs, worker.memory
        counted = self.cards.there() and kind_of(asked) in ("auto", COUNTED) and COUNTED in memory.card_kinds
        on_cards = {card.id: needs.of(name, card.id) for card in self.cards.seen} if counted else {}
        may_use_cards = counted and needs.uses_cards(name)
        patient = now < memory.waits_until(CARD_WAIT_S)
        return Start(name, asked, needs.of(name), on_cards, may_use_cards, memory.setback, patient)
