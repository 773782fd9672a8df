"""The level of memory pressure; pure. Sizes in bytes, times in seconds.

A sign is a measure of the available memory: before each start, and from time to time while a process lives that could
leave. A level holds for `PRESSURE_HOLD_S` after its last sign, so that a machine at a threshold does not flutter.
"""

from __future__ import annotations

import enum
import math

from .budget import Memory

PRESSURE_HOLD_S = 10.0
LOW = 0.15  # share of memory available below which is a sign of WARNING
VERY_LOW = 0.07  # share of free memory below which there is a sign of CRITICAL
SMALL = 0.1  # share of the available memory that may be taken even while it is short
MEASURE_INTERVAL_S = 5.0  # seconds between two measures of memory while a worker lives


class Level(enum.IntEnum):
    """Normal: nothing is done. Warning: jobs use less. Critical: idle workers leave, and only those start that are
    small, or fit as it is measured."""

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
            self._warning_until = now + PRESSURE_HOLD_S
        if level >= Level.CRITICAL:
            self._critical_until = now + PRESSURE_HOLD_S

    def level(self, now: float) -> Level:
        if now >= self._warning_until:  # never earlier than `_critical_until`
            return Level.NORMAL
        return Level.CRITICAL if now < self._critical_until else Level.WARNING

    def deadline(self, now: float) -> float:
        """The time at which the level falls without another sign, `math.inf` while it is normal."""
        level = self.level(now)
        if level is Level.CRITICAL:
            return self._critical_until
        return self._warning_until if level else math.inf
