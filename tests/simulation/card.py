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
        refuses: whether it suspends and restores nobody.
        short_at: when a program last saw that there is no room for another worker.
        refused: those who found too little memory there.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.elsewhere = 0
        self.slow_s = 0.0
        self.refuses = False
        self.short_at = -math.inf
        self.refused: set[Process] = set()
        self._off: dict[int, float] = {}  # when each suspended process was back, by its number
        self._taken: dict[Process, int] = {}
        self._away: dict[Process, int] = {}  # what suspended processes had

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

    def is_away(self, process: Process) -> bool:
        """Returns whether a process is suspended."""
        return process in self._away

    def off_until(self, process: Process) -> float:
        """Returns when a process that was suspended was back, infinity for one that is not."""
        return self._off.get(process.pid, -math.inf)

    def moves(self, pid: int) -> None:
        """Notes that a process is on its way off the card, or back."""
        self._off[pid] = math.inf

    def stays(self, pid: int) -> None:
        """Notes that a process is as it was before it was suspended."""
        self._off[pid] = self._machine.scheduler.time

    def suspend(self, pid: int) -> str:
        """Moves what a process has to the machine's memory; returns why not, if it was refused."""
        process = self._machine.processes[pid]
        if self.refuses or not self._taken.get(process):
            return "cuCheckpointProcessLock failed with 304"
        self._away[process] = self._taken.pop(process)
        return ""

    def restore(self, pid: int) -> str:
        """Moves it back; returns why not, if it was refused."""
        process = self._machine.processes[pid]
        if self.refuses or not self.take(process, self._away[process]):
            return "cuCheckpointProcessRestore failed with 2"
        del self._away[process]
        return ""
