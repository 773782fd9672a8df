"""Tests of the level of memory pressure: every sign at every level, and time that a test moves."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.core.memory.pressure import HOLD_S, Level, Pressure, sign

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


def test_signs_that_go_on_hold_it_up() -> None:
    """A trigger each 2 s keeps the level for as long as they come, and 10 s more."""
    pressure = Pressure()
    for now in range(0, 100, 2):
        pressure.see(C, now)
        assert pressure.level(now + 1.9) is C
    assert pressure.level(98 + 9.9) is C
    assert pressure.level(98 + 10) is N


def test_any_signs_at_any_times() -> None:
    """Against the plain words of the rule: the level is the highest of the signs of the last 10 s."""
    dice = random.Random(1)
    for _ in range(300):
        pressure, signs, now = Pressure(), [], 0.0
        for _ in range(40):
            now += dice.choice([0.0, 0.5, 3.0, 9.75, 10.0, 30.0])
            if dice.random() < 0.6:
                signs.append((now, dice.choice(list(Level))))
                pressure.see(signs[-1][1], now)
            expected = max((level for at, level in signs if now - at < HOLD_S), default=N)
            assert pressure.level(now) is expected
            assert (pressure.deadline(now) == math.inf) == (expected is N)
            assert pressure.deadline(now) > now


def test_words() -> None:
    """The words of the status."""
    assert [level.word for level in Level] == ["normal", "warning", "critical"]
