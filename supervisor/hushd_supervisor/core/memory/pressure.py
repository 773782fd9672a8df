"""The level of memory pressure, and the program that may relieve it; pure. Sizes in bytes, times in seconds.

A sign is a look at the available memory: before each start, and from time to time while a process lives that could
leave. A level holds for `HOLD_S` after its last sign, so that a machine at a threshold does not flutter between levels.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Container

from hushd_schema.settings import Settings

from hushd_supervisor.core.actions import Action, Relieve

from .budget import Lack, Memory

HOLD_S = 10.0
LOW = 0.15  # share of memory available below which is a sign of WARNING
VERY_LOW = 0.07  # and below which is a sign of CRITICAL
SMALL = 0.1  # share of the available memory that may be taken even while it is short
LOOK_S = 5.0  # between two looks at memory while a worker lives
SHOWN_S = 2.0  # for the memory to be seen free, after a program that says it has freed some
SHOWN_LOOK_S = 0.1  # between two looks at memory meanwhile
AGAIN_S = 10.0  # after a program that did not help, until the next one


class Level(enum.IntEnum):
    """Normal: nothing is done. Warning: jobs use less. Critical: idle workers leave, and only small ones start."""

    NORMAL = 0
    WARNING = 1
    CRITICAL = 2

    @property
    def word(self) -> str:
        return self.name.lower()


def sign(memory: Memory) -> Level:
    """The level that the available memory alone indicates."""
    if memory.available < VERY_LOW * memory.total:
        return Level.CRITICAL
    return Level.WARNING if memory.available < LOW * memory.total else Level.NORMAL


class Pressure:
    """The level over time."""

    def __init__(self) -> None:
        self._warning_until = self._critical_until = -math.inf

    def see(self, level: Level, now: float) -> None:
        """Takes a sign of `level` and so of all lower levels."""
        if level >= Level.WARNING:
            self._warning_until = now + HOLD_S
        if level >= Level.CRITICAL:
            self._critical_until = now + HOLD_S

    def level(self, now: float) -> Level:
        """The level at `now`."""
        if now >= self._warning_until:  # never earlier than `_critical_until`
            return Level.NORMAL
        return Level.CRITICAL if now < self._critical_until else Level.WARNING

    def relieve(self) -> None:
        """Forgets all signs, since memory was given after them."""
        self._warning_until = self._critical_until = -math.inf

    def deadline(self, now: float) -> float:
        """The time at which the level falls without another sign, `math.inf` while it is normal."""
        match self.level(now):
            case Level.CRITICAL:
                return self._critical_until
            case Level.WARNING:
                return self._warning_until
        return math.inf


class WhenShort:
    """The user's program that may free memory before a start is refused: one run at a time, and the starts that wait.

    A start for which neither free memory nor idle workers suffice has the program of `[memory] when_short` run once,
    which is told what is lacking. When it has ended, memory is looked at again: what the kernel and the driver report
    decides, and never the program's word. The start then goes on as if there were no program.
    """

    def __init__(self, settings: Settings) -> None:
        self._command = tuple(settings.memory.when_short)
        self._asked: set[str] = set()  # the waiting starts for which it was run
        self._until = -math.inf  # until when starts wait: endless while it runs
        self._not_before = -math.inf

    def configure(self, settings: Settings) -> None:
        """Runs the program of another configuration from now on."""
        self._command = tuple(settings.memory.when_short)

    def shows(self, now: float) -> bool:
        """Returns whether the program has freed memory, as it says, a moment ago."""
        return self._until < math.inf and self.awaited(now)

    def awaited(self, now: float) -> bool:
        """Returns whether starts that lack memory wait for the program."""
        return now < self._until

    def ask(self, worker: str, lack: Lack, device: str, now: float) -> list[Action]:
        """Runs the program for a worker's start, unless it runs already, or has run for it or in vain.

        Args:
            device: the name of the card in `lack`.
        """
        if worker in self._asked and not self.awaited(now):
            self._not_before = max(self._not_before, self._until + AGAIN_S)
        if worker in self._asked or self.awaited(now) or not self._command or now < self._not_before:
            return []
        self._asked.add(worker)
        self._until = math.inf
        return [Relieve(self._command, worker, lack.ram, lack.vram, device, lack.card)]

    def ended(self, freed: bool, now: float) -> None:
        """Takes the end of the program, and whether it says that it has freed memory."""
        self._until = now + SHOWN_S if freed else now
        if not freed:
            self._not_before = now + AGAIN_S

    def settle(self, waiting: Container[str]) -> None:
        """Forgets the starts that are not among the `waiting` ones any more."""
        self._asked = {worker for worker in self._asked if worker in waiting}

    def deadline(self, now: float) -> float:
        """The time of the next look at memory, `math.inf` for none."""
        return now + SHOWN_LOOK_S if self._asked and self.shows(now) else math.inf
