"""`listen` as people use it on many and on long recordings: real commands, a real supervisor, real speech."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import moonshine_once, warm
from support.peer import Supervisor, descendants
from support.recordings import recording
from support.wer import FIRST_HALF, word_error_rate

LISTEN = str(Path(sys.executable).parent / "listen")


@pytest.fixture
def reading(tmp_path: Path) -> Path:
    """`FIRST_HALF` of the recording two_cities.wav, which is three pieces and eight sentences: 24 s."""
    file = tmp_path / "reading.wav"
    with wave.open(str(recording("two_cities.wav"))) as source, wave.open(str(file), "wb") as target:
        target.setparams(source.getparams())
        target.writeframes(source.readframes(1_171_200))
    return file


@pytest.fixture(scope="module")
def hold(home: Path) -> Path:
    """The file that exists while one piece is transcribed and no other."""
    return home / "hold"


@pytest.fixture(scope="module")
def hushd(home: Path, hold: Path) -> Iterator[Supervisor]:
    """A supervisor with the engines that hushd carries; the same samples are heard once in a run."""
    with Supervisor(home, moonshine_once.configuration(hold)) as started:
        yield started


def run(*arguments: str | Path) -> str:
    """Returns the output of `listen`, which must succeed and leave standard error empty."""
    done = warm.run([LISTEN, *arguments], capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_worker_killed_in_the_middle_costs_no_word(hushd: Supervisor, hold: Path, reading: Path) -> None:
    """SIGKILL for the worker after a line: the next one hears the rest, and nobody notices."""
    hold.touch()
    with warm.Popen([LISTEN, reading], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        first = process.stdout.readline()
        with hushd.connect() as peer:
            starts = peer.status("stt/moonshine/tiny-en")["starts"]
        (worker,) = descendants(hushd.folder)
        os.kill(worker, signal.SIGKILL)
        hold.unlink()
        text = first + process.stdout.read()
    assert process.returncode == 0
    assert word_error_rate(FIRST_HALF, text) <= 0.08
    with hushd.connect() as peer:
        row = peer.status("stt/moonshine/tiny-en")
        assert (row["starts"], row["crashes"]) == (starts + 1, 0)  # what others kill has not crashed
