"""Tests of the level of memory pressure: every sign at every level, and time that a test moves."""

from __future__ import annotations

import itertools
import math

import pytest
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.core.memory.pressure import HOLD_S, Level, Pressure, Stall, sign, weight

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
    first, last = 100.0 + HOLD_S, 104.0 + HOLD_S
    assert pressure.level(math.nextafter(first, 0)) is max(before, then)
    assert pressure.level(first) is then
    assert pressure.level(math.nextafter(last, 0)) is then
    assert pressure.level(last) is N
    if max(before, then) > N:
        assert pressure.deadline(104.0) == (last if then >= before else first)
        assert pressure.level(pressure.deadline(104.0)) < pressure.level(104.0)


def test_the_first_report_of_a_trigger_proves_nothing() -> None:
    """Linux fires a new trigger with the first microsecond of stall: 5 ms of 150 are not confirmed, at any time."""
    for after in (0.0, 0.7, 2.0, 2.1, 600.0):
        assert not Stall(1_770_000, 100.0).confirmed(1_775_000, 100.0 + after)


@pytest.mark.parametrize(
    ("grown", "elapsed", "true"),
    [
        (150, 0.125, True), (149, 0.125, False), (150, 2.0, True), (160, 2.25, False), (170, 2.25, True),
        (500, 60.0, False), (4500, 60.0, True),
    ],
)  # fmt: skip
def test_a_stall_is_confirmed_by_its_total(grown: int, elapsed: float, true: bool) -> None:
    """150 ms in each 2 s since the last report, however late this one is read."""
    assert Stall(10, 100.0).confirmed(10 + 1000 * grown, 100.0 + elapsed) is true


@pytest.mark.parametrize("level", [W, C])
def test_a_stall_where_memory_is_available_is_another_programs(level: Level) -> None:
    """It waits under a limit of its own, or for page cache, which is available; below 15 % it counts as it is."""
    for available in (1000, 850, 400, 150):
        assert weight(level, Memory(1000, available)) is N
    for available in (149, 10, 0):
        assert weight(level, Memory(1000, available)) is level
