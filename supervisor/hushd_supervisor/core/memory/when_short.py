"""The user's program of `[memory] when_short`; pure. Times in seconds."""

from __future__ import annotations

import math
from collections.abc import Container

from hushd_supervisor.core.actions import Action, Relieve

from .budget import MissingMemory

SHOWN_S = 2.0  # seconds for the memory to be seen free, after a program that says it has freed some
SHOWN_MEASURE_S = 0.1  # seconds between two measures of memory in that time
RELIEF_RETRY_DELAY_S = 10.0  # seconds after a program that did not help, until the next one


class WhenShort:
    """The user's program that may free memory before a start is refused: one run at a time, and the starts that wait.

    A start for which neither free memory nor idle workers suffice has the program of `[memory] when_short` run once,
    which is told what is lacking. When it has ended, memory is measured again: what the kernel and the driver report
    decides, and never the program's word. The start then goes on as if there were no program.
    """

    def __init__(self) -> None:
        self._asked: set[str] = set()  # the waiting starts for which it was run
        self._until = -math.inf  # time until which starts wait: endless while the program runs
        self._not_before = -math.inf

    def shows(self, now: float) -> bool:
        """Returns whether the program has freed memory, as it says, a moment ago."""
        return self._until < math.inf and self.awaited(now)

    def awaited(self, now: float) -> bool:
        """Returns whether starts that lack memory wait for the program."""
        return now < self._until

    def ask(self, command: tuple[str, ...], worker: str, lack: MissingMemory, device: str, now: float) -> list[Action]:
        """Runs `command` for a worker's start, unless it is empty, runs already, or has run for it or in vain."""
        if worker in self._asked and not self.awaited(now):
            self._not_before = max(self._not_before, self._until + RELIEF_RETRY_DELAY_S)
        if worker in self._asked or self.awaited(now) or not command or now < self._not_before:
            return []
        self._asked.add(worker)
        self._until = math.inf
        return [Relieve(command, worker, lack.ram, lack.vram, device, lack.card)]

    def ended(self, freed: bool, now: float) -> None:
        """Takes the end of the program, and whether it says that it has freed memory."""
        self._until = now + SHOWN_S if freed else now
        if not freed:
            self._not_before = now + RELIEF_RETRY_DELAY_S

    def forget_all_but(self, waiting: Container[str]) -> None:
        """Forgets the starts that are not among the `waiting` ones any more."""
        self._asked = {worker for worker in self._asked if worker in waiting}

    def deadline(self, now: float) -> float:
        """The time of the next measure of memory, `math.inf` for none."""
        return now + SHOWN_MEASURE_S if self._asked and self.shows(now) else math.inf
