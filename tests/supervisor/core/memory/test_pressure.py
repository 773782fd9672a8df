"""Tests of the level of memory pressure: every sign at every level, and time that a test moves."""

from __future__ import annotations

import itertools
import math

import pytest
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.core.memory.pressure import PRESSURE_HOLD_S, Level, Pressure, sign

N, W, C = Level


@pytest.mark.parametrize(
    ("available", "level"),
    [(1000, N), (151, N), (150, N), (149, W), (100, W), (71, W), (70, W), (69, C), (1, C), (0, C)],
)
def test_what_is_available_is_a_sign(available: int, level: Level) -> None:
    """Less than 15 % of the memory is a warning, less than 7 % is critical; the bounds themselves are not."""
    assert sign(Memory(1000, available)) is level


def test_it_is_normal_without_a_sign() -> None:
    """Nothing is due, and no time changes that; a sign of `normal` is none."""
    pressure = Pressure()
    pressure.see(N, 5.0)
    for now in (0.0, 5.0, 1e9):
        assert pressure.level(now) is N
        assert pressure.deadline(now) == math.inf


@pytest.mark.parametrize(("before", "then"), list(itertools.product(Level, Level)))
def test_every_sign_at_every_level(before: Level, then: Level) -> None:
    """It rises at once and falls when the last sign of a level is 10 s old, to what other signs still hold up."""
    pressure = Pressure()
    pressure.see(before, 100.0)
    pressure.see(then, 104.0)
    assert pressure.level(104.0) is max(before, then)
    first, last = 100.0 + PRESSURE_HOLD_S, 104.0 + PRESSURE_HOLD_S
    assert pressure.level(math.nextafter(first, 0)) is max(before, then)
    assert pressure.level(first) is then
    assert pressure.level(math.nextafter(last, 0)) is then
    assert pressure.level(last) is N
    if max(before, then) > N:
        assert pressure.deadline(104.0) == (last if then >= before else first)
        assert pressure.level(pressure.deadline(104.0)) < pressure.level(104.0)
