"""`say` on a real sound system: PortAudio, ALSA and PulseAudio, with a loudspeaker that is the microphone."""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import command_line, sound_loop
from support.peer import Supervisor, wait_until
from support.sound_loop import RATE, Monitor, SoundLoop
from support.wer import word_error_rate

pytestmark = pytest.mark.skipif(bool(sound_loop.missing()), reason=f"not installed: {sound_loop.missing()}")

TEXT = "The quick brown fox jumps over the lazy dog, and then it rests for a while."
LOUD, HERTZ = 12_000, 440
# Plays a tone of a second.
TONE = f"""
import math
from array import array
from hushd.audio.playback import Player
tone = array("h", (round({LOUD} * math.sin(2 * math.pi * {HERTZ} * n / {RATE})) for n in range({RATE})))
Player().play([tone.tobytes()], {RATE})
"""


@pytest.fixture
def loop(home: Path) -> Iterator[SoundLoop]:
    with SoundLoop(Path(tempfile.mkdtemp(dir=home), "sound")) as made:
        yield made


@pytest.fixture(scope="module")
def hushd(home: Path) -> Iterator[None]:
    """A supervisor for the tests of this file, whose engines are the real ones."""
    with Supervisor(home, ""):
        yield


def start(loop: SoundLoop, *command: str) -> subprocess.Popen[str]:
    return command_line.start(*command, env=loop.environment, text=True)


def finish(process: subprocess.Popen[str], status: int = 0) -> tuple[str, str]:
    output, complaint = process.communicate(timeout=40)
    assert process.returncode == status, complaint
    return output, complaint


def heard(monitor: Monitor) -> bool:
    return any(max(samples) > 1000 for _, samples in monitor.blocks[-40:])


@pytest.mark.usefixtures("hushd")
def test_what_say_plays_listen_hears(loop: SoundLoop) -> None:
    """A real voice, a real loudspeaker and a real microphone: every word arrives, and nothing is complained of."""
    listener = start(loop, "listen")
    loop.wait_for_a_recorder()
    assert finish(start(loop, "say", TEXT)) == ("", "")
    text, complaint = finish(listener)
    assert complaint == ""
    assert word_error_rate(TEXT, text) <= 1 / 8


@pytest.mark.usefixtures("hushd")
def test_stop_speaking_is_silence(loop: SoundLoop) -> None:
    """The monitor is silent at once, and stays so. The bound is wide; scripts/bench.py stop measures."""
    with Monitor(loop) as monitor:
        process = start(loop, "say", TEXT)
        wait_until(lambda: heard(monitor), "a word")
        finish(start(loop, "hushd", "stop", "--current"))
        stopped = time.monotonic()
        _, complaint = finish(process, 130)
        assert complaint == "say: It was stopped.\n"
        wait_until(lambda: monitor.blocks[-1][0] > stopped + 0.5, "half a second")
        assert not any(max(samples) > 300 for when, samples in monitor.blocks if when > stopped + 0.3)


def test_all_is_heard_to_the_last_sample(loop: SoundLoop) -> None:
    """Buffers are played out when a speech ends: a second of tone is a second at the monitor, nothing lost or repeated.

    Its loud samples are counted, since a sound server that is not scheduled in time puts silence in between.
    """
    with Monitor(loop) as monitor:
        subprocess.run([sys.executable, "-c", TONE], env=loop.environment, check=True, timeout=60)
        time.sleep(0.1)
        loud = sum(abs(sample) > LOUD / 10 for sample in monitor.samples)
    assert loud / RATE == pytest.approx(1 - math.asin(0.1) * 2 / math.pi, abs=0.01)


@pytest.mark.usefixtures("hushd")
def test_the_plug_is_pulled(loop: SoundLoop) -> None:
    """The sound server dies in the middle of a word: one sentence, exit code 8, and nothing hangs."""
    with Monitor(loop) as monitor:
        process = start(loop, "say", " ".join([TEXT] * 5))
        wait_until(lambda: heard(monitor), "a word")
        loop.break_down()
    _, complaint = finish(process, 8)
    assert complaint == "say: The loudspeaker has stopped working: is it still connected?\n"
