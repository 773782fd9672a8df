"""How short memory is, decided from signs of it and the time; pure. Sizes in bytes, times in seconds.

A sign is a stall that the kernel tells of, or a look at what is available. A level holds for `HOLD_S` after its last
sign, so that a machine at a threshold does not flutter between them.
"""

from __future__ import annotations

import enum
import math

from .budget import Memory

HOLD_S = 10.0
LOW = 0.15  # of all memory available: less is a sign of WARNING
VERY_LOW = 0.07  # and of CRITICAL


class Level(enum.IntEnum):
    """What is done about it: nothing; work cheaper; idle workers leave and none is started."""

    NORMAL = 0
    WARNING = 1
    CRITICAL = 2

    @property
    def word(self) -> str:
        return self.name.lower()


def sign(memory: Memory) -> Level:
    """What the memory that is available says by itself."""
    if memory.available < VERY_LOW * memory.total:
        return Level.CRITICAL
    return Level.WARNING if memory.available < LOW * memory.total else Level.NORMAL


class Pressure:
    """The level over time."""

    def __init__(self) -> None:
        self._until = dict.fromkeys((Level.WARNING, Level.CRITICAL), -math.inf)

    def see(self, level: Level, now: float) -> None:
        """A sign of `level`, which is one of all levels below too."""
        for held in self._until:
            if held <= level:
                self._until[held] = now + HOLD_S

    def level(self, now: float) -> Level:
        return max((level for level, until in self._until.items() if now < until), default=Level.NORMAL)

    def deadline(self, now: float) -> float:
        """When the level falls unless there is another sign of it, `math.inf` while it is normal."""
        return self._until.get(self.level(now), math.inf)
