"""PipeWire, whose session manager remembers volumes by itself."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from support import pipewire_loop
from support.other_programs import FULL, LOW, OtherPrograms, environment_of, ledgers, let_go, quiet, start_helper
from support.pipewire_loop import PipeWireLoop

pytestmark = [
    pytest.mark.skipif(bool(pipewire_loop.missing()), reason=f"{pipewire_loop.missing()} is not installed"),
    pytest.mark.skipif(find_spec("pulsectl") is None, reason="pulsectl is not installed"),
]

BEFORE, QUIET = (FULL, 40000), (LOW, round(40000 * 10 ** (-1 / 3)))


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[PipeWireLoop]:
    with PipeWireLoop(tmp_path / "sound") as loop:
        yield loop


@pytest.fixture
def others(loop: PipeWireLoop) -> Iterator[OtherPrograms]:
    with OtherPrograms(loop) as programs:
        yield programs


@pytest.fixture
def environment(loop: PipeWireLoop, runtime: Path) -> dict[str, str]:
    return environment_of(loop, runtime)


def test_volumes_go_down_and_come_back_to_the_last_unit(
    others: OtherPrograms, environment: dict[str, str], runtime: Path
) -> None:
    """Those of streams from before and of one that appears meanwhile."""
    others.play("Music", volume=BEFORE)
    with quiet(environment):
        others.become(Music=QUIET)
        others.play("Film")
        others.become(Film=(LOW, LOW))
    assert others.volumes() == {"Music": BEFORE, "Film": (FULL, FULL)}
    assert not ledgers(runtime)


def test_a_stream_that_ends_meanwhile_is_brought_back_once_it_is_met_again(
    others: OtherPrograms, environment: dict[str, str]
) -> None:
    """It begins low, as the session manager remembers; the next time that others are quieter it is known, and as loud
    as before afterwards."""
    others.play("Music", volume=BEFORE)
    with quiet(environment):
        others.become(Music=QUIET)
        others.end("Music")
    others.play("Music")
    others.become(Music=QUIET)
    let_go(start_helper(environment))
    others.become(Music=BEFORE)
    others.end("Music")
    others.play("Music")
    others.become(Music=BEFORE)
