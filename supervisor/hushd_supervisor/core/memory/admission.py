"""Memory for all workers: which may start, which leave for others, and what happens while memory is short; pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from hushd_supervisor.core.actions import Action, Log, Remember
from hushd_supervisor.core.settings import Settings
from hushd_supervisor.core.worker.shortage import Shortage
from hushd_supervisor.core.worker.states import State
from hushd_supervisor.core.worker.worker import Worker

from .budget import Budget, Memory, Resident, Verdict
from .pressure import Level, Pressure, sign

PLENTY = Memory(1 << 62, 1 << 62)
CRITICAL_RETRY_MS = 60_000


class Standing(NamedTuple):
    """The state of memory, for `status`; sizes in bytes."""

    limit: int  # for all workers together
    available: int
    reserve: int  # of that, kept for all other programs
    level: Level


class Admission:
    """Admits the starts of the pool's `workers`, a table that it only reads.

    Args:
        settings: the user's configuration.
        memory: measures the machine's memory.
        needs: the highest size seen of each worker in earlier lives, in bytes.
        look_every: seconds between two looks at memory while a worker lives; `math.inf` where the kernel reports.
    """

    def __init__(
        self,
        settings: Settings,
        workers: Mapping[str, Worker],
        memory: Callable[[], Memory],
        needs: Mapping[str, int] | None,
        look_every: float,
    ) -> None:
        self._workers = workers
        self._memory = memory
        self._look_every = look_every
        self._looked = 0.0
        self._pressure = Pressure()
        self._kept = dict(needs or {})
        self.budget = Budget(settings, needs)
        self.level = Level.NORMAL  # that the workers last got
        self.due = math.inf  # when to look again

    # --- pressure ----------------------------------------------------------------------------------------------------

    def pressure(self, level: Level, now: float) -> None:
        """Takes a sign of pressure from outside."""
        self._pressure.see(level, now)
        self.look(now)

    def look(self, now: float) -> Memory:
        """Measures memory, and takes the result as a sign too."""
        self._looked = now
        memory = self._memory()
        self._pressure.see(sign(memory), now)
        return memory

    def short(self, now: float) -> bool:
        """Whether memory is short, after a look."""
        self.look(now)
        return self._pressure.level(now) >= Level.WARNING

    def standing(self, now: float) -> Standing:
        """The state of memory; changes nothing."""
        memory = self._memory()
        level = max(self._pressure.level(now), sign(memory))
        return Standing(self.budget.limit(memory), memory.available, memory.reserve, level)

    def on_time(self, now: float) -> None:
        """Looks, when `due` has passed: no level falls without a look."""
        if self.due <= now:
            self.look(now)

    # --- starts and exits --------------------------------------------------------------------------------------------

    def settle(self, now: float) -> list[Action]:
        """After any event: starts the workers that wait for memory, the most urgent first.

        Where memory lacks, asks idle workers to leave, or refuses. Under critical pressure none starts, and all idle
        workers leave.
        """
        waiting = [worker for worker in self._workers.values() if worker.state is State.WAITING]
        memory = self.look(now) if waiting else PLENTY
        out = self._update_level(now)
        if self.level is Level.CRITICAL:
            for worker in self._workers.values():
                message = f"Memory is critically short: {worker.name} cannot start now."
                out += worker.refuse(now, message, CRITICAL_RETRY_MS) + worker.evict(now)
        else:
            waiting.sort(key=lambda worker: (worker.jobs.waiting[0].level(now), worker.jobs.waiting[0].order))
            for worker in waiting:
                out += self._decide(worker, memory, now)
        lives = any(worker.state.has_process for worker in self._workers.values())
        self.due = min(self._pressure.deadline(now), self._looked + self._look_every) if lives else math.inf
        return out

    def remember(self) -> list[Action]:
        """Has the sizes of workers saved, if they have changed."""
        if self.budget.needs == self._kept:
            return []
        self._kept = dict(self.budget.needs)
        return [Remember(self._kept)]

    def _update_level(self, now: float) -> list[Action]:
        level = self._pressure.level(now)
        if level is self.level:
            return []
        before, self.level = self.level, level
        for worker in self._workers.values():
            worker.jobs.economy = level >= Level.WARNING
        if level < before and self.due == math.inf:  # noticed long afterwards: no worker lived
            return []
        return [Log("WARNING" if level else "INFO", f"memory pressure is {level.word}")]

    def _decide(self, worker: Worker, memory: Memory, now: float) -> list[Action]:
        if worker.shortage is not None and (tried := self._after(worker.shortage, worker, memory, now)) is not None:
            return tried
        verdict = self._verdict(worker.name, memory, now)
        if verdict.admit:
            return worker.admit(now)
        out: list[Action] = []
        if not verdict.wait:
            message = f"There is no memory for {worker.name} ({self.budget.need(worker.name) / 1e6:.0f} MB) now."
            out += self._lack(worker, message, memory, now)
        for name in verdict.evict:
            out += self._workers[name].evict(now)
        return out

    def _lack(self, worker: Worker, message: str, memory: Memory, now: float, on_card: bool = False) -> list[Action]:
        """Gives up a start, or goes on with the fall-back to the CPU."""
        out = worker.lack(now, message, self._retry_ms(now), on_card)
        return out + self._decide(worker, memory, now) if worker.state is State.WAITING else out

    def _after(self, shortage: Shortage, worker: Worker, memory: Memory, now: float) -> list[Action] | None:
        """Goes on after a load that failed for want of memory: others leave for a second one; None once they have."""
        others = [self._resident(w, now) for w in self._workers.values() if w.state.has_process and _is_on(w, shortage)]
        idle = [resident.name for resident in others if resident.idle_s is not None]
        if not shortage.final and (idle or any(resident.leaving for resident in others)):
            shortage.evicted = True
            return [action for name in idle for action in self._workers[name].evict(now)]
        if not shortage.final and shortage.evicted:
            return None
        held = f"{', '.join(resident.name for resident in others)} cannot leave now" if others else "no worker has any"
        return self._lack(worker, f"{shortage.message} Of hushd's own, {held}.", memory, now, shortage.on_card)

    def fits(self, name: str, now: float) -> bool:
        """Whether worker `name` could start beside all others, with none leaving or waiting for it."""
        if any(worker.state is State.WAITING for worker in self._workers.values()):
            return False
        memory = self.look(now)
        return self._pressure.level(now) is Level.NORMAL and self._verdict(name, memory, now).admit

    def _verdict(self, name: str, memory: Memory, now: float) -> Verdict:
        residents = [self._resident(worker, now) for worker in self._workers.values() if worker.state.has_process]
        # A worker that is starting was promised memory that it has not taken yet.
        promised = sum(self.budget.need(b.name) for b in self._workers.values() if b.state is State.STARTING)
        return self.budget.decide(name, memory._replace(available=memory.available - promised), residents)

    def _resident(self, worker: Worker, now: float) -> Resident:
        idle = worker.state is State.READY and not worker.settings.pinned
        return Resident(
            worker.name,
            worker.lifecycle.pss or self.budget.need(worker.name),  # without a report it is still growing
            worker.settings.priority,
            now - (worker.lifecycle.idle_since or now) if idle else None,
            worker.state in (State.STOPPING, State.KILLING),
        )

    def _retry_ms(self, now: float) -> int:
        """Time until the first running job should end, by the usual time of a worker's jobs; else a minute."""
        ends = [
            request.started + worker.jobs.usual_s(request) - now
            for worker in self._workers.values()
            if worker.jobs.completed
            for request in worker.jobs.running.values()
        ]
        return max(1000, int(min(ends) * 1000)) if ends else 60_000


def _is_on(worker: Worker, shortage: Shortage) -> bool:
    """Whether a worker holds memory of the kind that is short."""
    return not shortage.on_card or worker.capabilities.get("compute_device") not in (None, "", "cpu")
