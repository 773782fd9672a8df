"""The level of memory pressure, decided from signs of it and the time; pure. Sizes in bytes, times in seconds.

A sign is a stall that the kernel reports, or a look at the available memory. A level holds for `HOLD_S` after its last
sign, so that a machine at a threshold does not flutter between levels.
"""

from __future__ import annotations

import enum
import math

from .budget import Memory

HOLD_S = 10.0
LOW = 0.15  # of all memory available: less is a sign of WARNING
VERY_LOW = 0.07  # and of CRITICAL
# With more than this available, a stall is not the machine's: one process under the tight limit of its own cgroup makes
# the kernel report `full` stalls for the whole machine, with 23 of 24 GB free.
PLENTY = 0.5


class Level(enum.IntEnum):
    """Normal: nothing is done. Warning: jobs use less. Critical: idle workers leave and none is started."""

    NORMAL = 0
    WARNING = 1
    CRITICAL = 2

    @property
    def word(self) -> str:
        return self.name.lower()


def sign(memory: Memory) -> Level:
    """The level that the available memory by itself is a sign of."""
    if memory.available < VERY_LOW * memory.total:
        return Level.CRITICAL
    return Level.WARNING if memory.available < LOW * memory.total else Level.NORMAL


def plausible(memory: Memory) -> bool:
    """Whether a stall that the kernel reports can be for want of this memory."""
    return memory.available < PLENTY * memory.total


class Pressure:
    """The level over time."""

    def __init__(self) -> None:
        self._warning_until = self._critical_until = -math.inf

    def see(self, level: Level, now: float) -> None:
        """Takes a sign of `level`, which is a sign of all lower levels too."""
        if level >= Level.WARNING:
            self._warning_until = now + HOLD_S
        if level >= Level.CRITICAL:
            self._critical_until = now + HOLD_S

    def level(self, now: float) -> Level:
        """The level at `now`."""
        if now >= self._warning_until:  # which is never the earlier of the two
            return Level.NORMAL
        return Level.CRITICAL if now < self._critical_until else Level.WARNING

    def deadline(self, now: float) -> float:
        """The time at which the level falls unless there is another sign of it, `math.inf` while it is normal."""
        match self.level(now):
            case Level.CRITICAL:
                return self._critical_until
            case Level.WARNING:
                return self._warning_until
        return math.inf
