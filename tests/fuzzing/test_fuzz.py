"""The fuzz of tests/fuzz, in its short form: each target has a fixed seed and some inputs."""

from __future__ import annotations

import time

import pytest
from fuzzing.command import watched
from fuzzing.targets import TARGETS
from support import warm

INPUTS = {
    "client.sock": 400, "expected": 2000, "wyoming": 200, "http": 150, "messages": 8000, "recording": 200, "film": 200,
    "hub": 200, "weights": 400, "params": 800, "markup": 120, "subtitles": 400, "answers": 400,
}  # fmt: skip
targets = pytest.mark.parametrize("target", INPUTS)


@pytest.mark.timeout(300)
@targets
def test_nothing_breaks_whatever_comes(target: str) -> None:
    """Every input is read, or refused in a sentence; no process dies, and none takes for ever."""
    report = watched(target, "1", 250, INPUTS[target], 0, warm.Popen)
    assert report.findings == {}
    assert report.inputs == INPUTS[target]


@pytest.mark.night
@pytest.mark.timeout(300)
@targets
def test_nothing_breaks_all_night(target: str) -> None:
    """Other inputs each night, for half a minute a target; what fails names its seed."""
    seed = str(int(time.time()))
    assert watched(target, seed, 30, 10**9, 0).findings == {}, f"tests/fuzz --seed {seed} {target}"


def test_every_target_has_its_short_run() -> None:
    """A target that is added is tested."""
    assert set(TARGETS) == set(INPUTS)
