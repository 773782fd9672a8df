"""Memory for all workers: who may start, who leaves for whom, and what is done while there is little of it; pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from .actions import Action, Log, Remember
from .budget import Budget, Memory, Resident, Verdict
from .pressure import Level, Pressure, sign
from .settings import Settings
from .worker.states import State
from .worker.worker import Worker

PLENTY = Memory(1 << 62, 1 << 62)
CRITICAL_RETRY_MS = 60_000


class Standing(NamedTuple):
    """What `status` says of memory; sizes in bytes."""

    limit: int  # for all workers together
    available: int
    reserve: int  # of that, for everybody else
    level: Level


class Admission:
    """Watches over the pool's `brains`, a table that it reads only.

    Args:
        settings: the user's configuration.
        memory: what the machine has now.
        needs: the highest size seen of each worker in earlier lives, in bytes.
        look_every: seconds between two looks at memory while a worker lives; without end where triggers tell.
    """

    def __init__(
        self,
        settings: Settings,
        brains: Mapping[str, Worker],
        memory: Callable[[], Memory],
        needs: Mapping[str, int] | None,
        look_every: float,
    ) -> None:
        self._brains = brains
        self._memory = memory
        self._look_every = look_every
        self._looked = 0.0
        self._pressure = Pressure()
        self._kept = dict(needs or {})
        self.budget = Budget(settings, needs)
        self.level = Level.NORMAL  # as the brains were told last
        self.due = math.inf  # when to look again

    # --- pressure ----------------------------------------------------------------------------------------------------

    def hear(self, level: Level, now: float) -> None:
        """A sign from outside."""
        self._pressure.see(level, now)
        self.look(now)

    def look(self, now: float) -> Memory:
        """What there is now, taken as a sign too."""
        self._looked = now
        memory = self._memory()
        self._pressure.see(sign(memory), now)
        return memory

    def short(self, now: float) -> bool:
        """Whether to do with less, after a look."""
        self.look(now)
        return self._pressure.level(now) >= Level.WARNING

    def standing(self, now: float) -> Standing:
        """For people; changes nothing."""
        memory = self._memory()
        level = max(self._pressure.level(now), sign(memory))
        return Standing(self.budget.limit(memory), memory.available, memory.reserve, level)

    def on_time(self, now: float) -> None:
        """To be called when `due` has passed: no level falls without a look."""
        if self.due <= now:
            self.look(now)

    # --- starts and exits --------------------------------------------------------------------------------------------

    def settle(self, now: float) -> list[Action]:
        """After any event: starts who waits for memory, most urgent first; asks idle workers to leave for them, or
        refuses them. While pressure is critical none starts and whoever is idle leaves."""
        waiting = [brain for brain in self._brains.values() if brain.state is State.WAITING]
        memory = self.look(now) if waiting else PLENTY
        out = self._tell_level(now)
        if self.level is Level.CRITICAL:
            for brain in self._brains.values():
                message = f"Memory is critically short: {brain.name} cannot start now."
                out += brain.refuse(now, message, CRITICAL_RETRY_MS) + brain.evict(now)
        else:
            waiting.sort(key=lambda brain: (brain.jobs.waiting[0].level(now), brain.jobs.waiting[0].order))
            for brain in waiting:
                out += self._decide(brain, memory, now)
        lives = any(brain.state.has_process for brain in self._brains.values())
        self.due = min(self._pressure.deadline(now), self._looked + self._look_every) if lives else math.inf
        return out

    def remember(self) -> list[Action]:
        """Has what was learnt about sizes kept, if there is news."""
        if self.budget.needs == self._kept:
            return []
        self._kept = dict(self.budget.needs)
        return [Remember(self._kept)]

    def _tell_level(self, now: float) -> list[Action]:
        level = self._pressure.level(now)
        if level is self.level:
            return []
        before, self.level = self.level, level
        for brain in self._brains.values():
            brain.jobs.economy = level >= Level.WARNING
        if level < before and self.due == math.inf:  # found out long afterwards: there was nobody to look for
            return []
        return [Log("WARNING" if level else "INFO", f"memory pressure is {level.word}")]

    def _decide(self, brain: Worker, memory: Memory, now: float) -> list[Action]:
        verdict = self._verdict(brain.name, memory, now)
        if verdict.admit:
            return brain.admit(now)
        out: list[Action] = []
        if not verdict.wait:
            message = f"There is no memory for {brain.name} ({self.budget.need(brain.name) / 1e6:.0f} MB) now."
            out += brain.refuse(now, message, self._retry_ms(now))
        for name in verdict.evict:
            out += self._brains[name].evict(now)
        return out

    def fits(self, name: str, now: float) -> bool:
        """Whether worker `name` could start beside all others, nobody leaving or waiting for it."""
        if any(brain.state is State.WAITING for brain in self._brains.values()):
            return False
        memory = self.look(now)
        return self._pressure.level(now) is Level.NORMAL and self._verdict(name, memory, now).admit

    def _verdict(self, name: str, memory: Memory, now: float) -> Verdict:
        residents = [self._resident(brain, now) for brain in self._brains.values() if brain.state.has_process]
        # Who is starting has been promised what it has not taken yet.
        promised = sum(self.budget.need(b.name) for b in self._brains.values() if b.state is State.STARTING)
        return self.budget.decide(name, memory._replace(available=memory.available - promised), residents)

    def _resident(self, brain: Worker, now: float) -> Resident:
        idle = brain.state is State.READY and not brain.settings.pinned
        return Resident(
            brain.name,
            brain.pss or self.budget.need(brain.name),  # what has told nothing yet is growing
            brain.settings.priority,
            now - (brain.idle_since or now) if idle else None,
            brain.state in (State.STOPPING, State.KILLING),
        )

    def _retry_ms(self, now: float) -> int:
        """When the first of the running jobs should be done, by the usual time of its worker's jobs; or a minute."""
        ends = [
            ticket.started + brain.jobs.usual_s(ticket) - now
            for brain in self._brains.values()
            if brain.jobs.completed
            for ticket in brain.jobs.running.values()
        ]
        return max(1000, int(min(ends) * 1000)) if ends else 60_000
