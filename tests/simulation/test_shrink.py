"""A script that fails is made small in a bounded time."""

from __future__ import annotations

import pytest

pytest.importorskip("greenlet")

from simulation.script import Script, draw
from simulation.shrink import Shrinker, sense
from simulation.world import Outcome

TEXT = "client-3-1: 14 segments of 15: ['0123456789ab'] instead of ['ab0123456789']"


def play(script: Script) -> Outcome:
    """Fails if a script has a kill and one client's unload, at the time of the kill."""
    kills = [fault[0] for fault in script.faults if fault[1] == "kill" and fault[0] < script.seconds]
    fails = kills and "unload" in {act for acts in script.clients for act in acts}
    return Outcome("", [TEXT] if fails else [], 0.0, 0, {}, failed=kills[0] if fails else 0.0)


SCRIPT = next(script for script in map(draw, range(100)) if play(script).violations)


@pytest.mark.parametrize(("within", "faults", "acts"), [(600.0, 1, 1), (-1.0, len(SCRIPT.faults), None)])
def test_all_that_is_not_needed_goes(within: float, faults: int, acts: int | None) -> None:
    """Of some hundred acts and a dozen faults one each is left; with no time left the script stays as it was."""
    shrinker = Shrinker(play, SCRIPT, within)
    shrinker.shrink()
    assert len(shrinker.script.faults) == faults
    assert acts is None or sum(map(len, shrinker.script.clients)) == acts
    assert play(shrinker.script).violations


def test_the_same_failure_of_another_has_the_same_sense() -> None:
    """Whoever fails, when and with which bytes is left out of the kind of a failure; what has failed is not."""
    assert sense(TEXT) == sense("client-0-12: 1 segments of 2: ['ffffffffffff'] instead of []")
    assert sense("the floor is not free") != sense("person:7 has no end of its life 60 s after the storm")
