"""A graphics card of the simulated machine: what processes have there, and how its driver answers."""

from __future__ import annotations

import math

from .machine import Machine
from .processes import MEGABYTE, Process

PLACE = "0000:65:00.0"
TOTAL = 1_000 * MEGABYTE
MODEL = 300 * MEGABYTE  # that a worker takes
ROOM = MODEL + TOTAL // 8  # that a supervisor looks for: with less the card is short


class Card:
    """The card, and who has memory there.

    Attributes:
        elsewhere: bytes that other programs take.
        slow_s: seconds until the driver answers.
        short_at: when a program last saw that there is no room for another worker.
        refused: those who found too little memory there.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.elsewhere = 0
        self.slow_s = 0.0
        self.short_at = -math.inf
        self.refused: set[Process] = set()
        self._taken: dict[Process, int] = {}

    def taken(self) -> dict[int, int]:
        """The bytes of each process that lives, by its number."""
        return {process.pid: size for process, size in self._taken.items() if process.living and size}

    @property
    def free(self) -> int:
        return max(0, TOTAL - self.elsewhere - sum(self.taken().values()))

    def look(self) -> int:
        """The bytes that are free, as the driver tells a program."""
        if self.free < ROOM:
            self.short_at = self._machine.scheduler.time
        return self.free

    def take(self, process: Process, size: int) -> bool:
        """Takes memory for a process; returns whether there was so much."""
        if self.free < size:
            self.refused.add(process)
            return False
        self._taken[process] = self._taken.get(process, 0) + size
        return True

    def holds(self, process: Process) -> bool:
        """Returns whether a process has memory there, or had until it ended."""
        return process in self._taken
