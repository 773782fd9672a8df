"""A script that fails is made small in a bounded time, and is printed as a test."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import pytest

pytest.importorskip("greenlet")

from simulation.attempt import Attempt, sense
from simulation.script import Script, draw
from simulation.shrink import Shrinker, as_test
from simulation.world import Outcome

TEXT = "client-3-1: 14 segments of 15: ['0123456789ab'] instead of ['ab0123456789']"


class Failing:
    """A runner on which a script fails if it has a kill and one client's unload, at the time of the kill."""

    def __init__(self) -> None:
        self.played = 0

    def play(self, script: Script) -> Outcome:
        self.played += 1
        kills = [fault[0] for fault in script.faults if fault[1] == "kill" and fault[0] < script.seconds]
        fails = kills and "unload" in {act for acts in script.clients for act in acts}
        acts = {f"client-{number}": len(acts) for number, acts in enumerate(script.clients)}
        return Outcome("", [TEXT] if fails else [], 0.0, 0, {}, failed=kills[0] if fails else 0.0, acts=acts)

    def first_failing(self, scripts: Iterable[Script], attempt: Attempt, end: float) -> tuple[Script, Outcome] | None:
        for script in scripts:
            if time.monotonic() > end:
                return None
            if attempt.fails((outcome := self.play(script)).violations):
                return script, outcome
        return None


def failing_script(runner: Any) -> Script:
    return next(script for script in map(draw, range(100)) if runner.play(script).violations)


def test_all_that_is_not_needed_goes() -> None:
    """Of some hundred acts and a dozen faults one each is left, and the storm ends with the failure."""
    runner: Any = Failing()
    script = failing_script(runner)
    shrinker = Shrinker(runner, script, within=600.0)
    shrinker.shrink()
    small = shrinker.script
    assert [fault[1] for fault in small.faults] == ["kill"]
    assert [act for acts in small.clients for act in acts] == ["unload"]
    assert (small.cut, small.points) == ((), ())
    assert small.seconds <= small.faults[0][0] + 0.2


def test_the_time_is_kept() -> None:
    """With no time left the script stays as it was, and is printed all the same."""
    runner: Any = Failing()
    script = failing_script(runner)
    shrinker = Shrinker(runner, script, within=0.0)
    shrinker.shrink()
    assert shrinker.script == script
    assert shrinker.over


def test_what_is_printed_is_the_script() -> None:
    """The test that is printed has at most twenty lines, of the width of the project's, and plays that script."""
    script = Script(5, 6.2, (("hear", "say"), ()), ((1.48, "crash", 0.5, 3.707),), cut=(1,), points=("beat is late",))
    text = as_test(script, [TEXT])
    assert len(text.splitlines()) <= 20
    assert max(map(len, text.splitlines())) <= 120
    played: list[Script] = []

    def violations(script: Script) -> list[str]:
        played.append(script)
        return []

    space: dict[str, Any] = {}
    exec(text, space)
    space["violations"] = violations
    space["test_seed_5"]()
    assert played == [script]


def test_the_same_failure_of_another_has_the_same_sense() -> None:
    """Whoever fails, when and with which bytes is left out of the kind of a failure; what has failed is not."""
    assert sense(TEXT) == sense("client-0-12: 1 segments of 2: ['ffffffffffff'] instead of []")
    late = "person:{} has no end of {} 60 s after the storm"
    assert sense(late.format(7, "client-0-1 (speak), client-0-2 (claim)")) == sense(
        late.format(9, "client-1-1 (other)")
    )
    assert sense("the floor is not free") != sense(late.format(7, "its life"))
