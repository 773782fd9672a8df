"""Other programs are quieter while somebody speaks or is listened to, and as before afterwards, whatever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from support import sound_loop
from support.peer import wait_until
from support.sound_loop import SoundLoop

from .other_programs import FULL, LOW, OtherPrograms, environment_of, ledgers, let_go, quiet, start_helper

pytestmark = [
    pytest.mark.skipif(bool(sound_loop.missing()), reason=f"{sound_loop.missing()} is not installed"),
    pytest.mark.skipif(find_spec("pulsectl") is None, reason="pulsectl is not installed"),
]

STEREO, QUIET = (FULL, FULL), (LOW, LOW)


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[SoundLoop]:
    """A sound server that remembers the volumes of applications, as those of desktops do."""
    with SoundLoop(tmp_path / "sound") as loop:
        loop.pactl("load-module", "module-stream-restore", "restore_device=no")
        yield loop


@pytest.fixture
def others(loop: SoundLoop) -> Iterator[OtherPrograms]:
    with OtherPrograms(loop) as programs:
        yield programs


@pytest.fixture
def environment(loop: SoundLoop, runtime: Path) -> dict[str, str]:
    return environment_of(loop, runtime)


def test_volumes_go_down_and_come_back_to_the_last_unit(
    others: OtherPrograms, environment: dict[str, str], runtime: Path
) -> None:
    """Streams have one, two and eight channels, balance, more than 153 %, silence and mute: all of it is kept."""
    eight = tuple(FULL - 1000 * number for number in range(8))
    others.play("Mono", "--channels=1", volume=(50001,))
    others.play("Loud", volume=(3 * FULL, 12345))
    others.play("Eight", "--channels=8", volume=eight)
    others.play("Silent", volume=(0, 0))
    before = others.volumes()
    with quiet(environment):
        low = tuple(round(value * 10 ** (-20 / 60)) for value in eight)
        others.become(Mono=(round(50001 * 10 ** (-20 / 60)),), Eight=low, Silent=(0, 0))
        others.become(Loud=(round(3 * FULL * 10 ** (-20 / 60)), round(12345 * 10 ** (-20 / 60))))
        assert ledgers(runtime)
    assert others.volumes() == before
    assert not ledgers(runtime)


def test_what_somebody_changes_meanwhile_stays(others: OtherPrograms, environment: dict[str, str]) -> None:
    """A volume that is not the one that was set is somebody else's will."""
    others.play("Music")
    others.play("Film")
    with quiet(environment):
        others.become(Music=QUIET, Film=QUIET)
        others.set("Music", (40000, 41000))
        others.play("Late")
        others.become(Late=QUIET, Music=(40000, 41000))
    assert others.volumes() == {"Music": (40000, 41000), "Film": STEREO, "Late": STEREO}


def test_a_killed_helper_is_replaced(others: OtherPrograms, environment: dict[str, str], runtime: Path) -> None:
    """The next one takes the volume before from the ledger, and not from the stream, which is low."""
    others.play("Music")
    with holding(environment) as holder:
        others.become(Music=QUIET)
        (helper,) = psutil.Process(holder.pid).children()
        helper.kill()
        others.play("Late")
        others.become(Late=QUIET, Music=QUIET)
    others.become(Music=STEREO, Late=STEREO)
    wait_until(lambda: not ledgers(runtime), "the end of the ledger")


@pytest.mark.parametrize("killed", [False, True])
def test_two_holders_at_once(others: OtherPrograms, environment: dict[str, str], killed: bool) -> None:
    """Volumes come back with the last; a stream that appears once the first has gone is lowered; none is so twice."""
    others.play("Music")
    first = start_helper(environment)
    others.become(Music=QUIET)
    with quiet(environment) as second:
        wait_until(lambda: holds_a_lock(second.pid), "the second helper")
        if killed:
            first.kill()
            first.communicate()
        else:
            let_go(first)
        others.play("Late")
        others.become(Late=QUIET, Music=QUIET)
    assert others.volumes() == {"Music": STEREO, "Late": STEREO}


def test_who_is_spared(others: OtherPrograms, environment: dict[str, str], loop: SoundLoop) -> None:
    """hushd's own sound, calls, a screen reader, and the sound server's own ways stay; a child of hushd's does not."""
    own = "import os, sys; os.environ['PULSE_PROP_hushd.process'] = str(os.getpid()); os.execvp('pacat', sys.argv[1:])"
    player = ["pacat", "--playback", "--client-name=Own", "--raw", "/dev/zero"]
    process = subprocess.Popen([sys.executable, "-c", own, *player], env=loop.environment, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: "Own" in others.streams(), "hushd's own stream")
        others.play("Call", "--property=media.role=phone")
        others.play("Reader", "--property=media.role=a11y")
        others.play("Child", environment={"PULSE_PROP_hushd.process": str(os.getpid())})
        loop.add_sink("second")
        loop.pactl("load-module", "module-loopback", "source=second.monitor", "sink=loop")
        with quiet(environment):
            others.become(Child=QUIET)
            volumes = others.volumes()
            assert [volumes[name] for name in ("Own", "Call", "Reader")] == [STEREO] * 3
            assert QUIET not in [volumes[name] for name in volumes if name != "Child"]
    finally:
        process.kill()
        process.wait()


@contextmanager
def holding(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program that has others be quiet until it is killed, and its group with it."""
    program = "from hushd_desktop.ducking.holder import Ducking\nwith Ducking():\n    input()"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, start_new_session=True) as holder:
        try:
            yield holder
        finally:
            os.killpg(holder.pid, signal.SIGKILL)


def holds_a_lock(pid: int) -> bool:
    """Returns whether a helper has got as far as its wish."""
    return f" {pid} " in Path("/proc/locks").read_text()
