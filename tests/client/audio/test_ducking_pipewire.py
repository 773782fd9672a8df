"""PipeWire's session manager, which remembers volumes by itself, gives nobody a low one once all is over."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from support import pipewire_loop
from support.other_programs import FULL, LOW, OtherPrograms, environment_of, ledgers, quiet
from support.peer import wait_until
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


def test_a_stream_that_ends_meanwhile_is_as_loud_as_before_when_it_comes_again(
    others: OtherPrograms, environment: dict[str, str]
) -> None:
    """A silent stream in its place has taught the session manager the volume."""
    others.play("Music", volume=BEFORE)
    with quiet(environment):
        others.become(Music=QUIET)
        others.end("Music")
    others.play("Music")
    others.become(Music=BEFORE)


def test_one_that_begins_again_during_the_lesson_does_not_stay_low(
    others: OtherPrograms, loop: PipeWireLoop, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins with the low volume, and with it the session manager forgets what it has just been taught."""
    import pulsectl
    from hushd.audio.ducking import streams

    @contextmanager
    def disturbed(pulse: Any, properties: Mapping[str, str], channels: int) -> Iterator[int]:
        with stand_in(pulse, properties, channels) as number:
            if not lessons:
                others.play("Music")
                wait_until(lambda: _all_volumes(loop) == [QUIET, QUIET], "the stand-in and the stream, both low")
            lessons.append(number)
            yield number

    lessons: list[int] = []
    stand_in = streams.stand_in
    monkeypatch.setattr(streams, "stand_in", disturbed)
    others.play("Music", volume=BEFORE)
    with pulsectl.Pulse("test", server=loop.environment["PULSE_SERVER"], connect=False) as pulse:
        pulse.connect()
        ducked = streams.Streams(pulse, runtime, 20.0)
        ducked.lower()
        others.become(Music=QUIET)
        others.end("Music")
        ducked.bring_back()
    assert others.volumes() == {"Music": BEFORE}
    others.end("Music")
    others.play("Music")
    others.become(Music=BEFORE)


def _all_volumes(loop: PipeWireLoop) -> list[Any]:
    """Those of all streams, also of several with one name."""
    listed = json.loads(loop.pactl("--format=json", "list", "sink-inputs"))
    return [tuple(each["value"] for each in stream["volume"].values()) for stream in listed]
