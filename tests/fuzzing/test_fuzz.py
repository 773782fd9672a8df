"""The fuzz of tests/fuzz, in its short form: each target has a fixed seed and some inputs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from fuzzing.command import watched
from fuzzing.targets import TARGETS
from support import warm

TESTS = Path(__file__).parents[1]
INPUTS = {
    "client.sock": 2000, "worker.sock": 2000, "worker": 100, "handshakes": 1000, "door": 1000,
    "wyoming": 1000, "http": 1000, "messages": 5000, "wav": 500,
    "recording": 500, "program-sound": 500, "kernel": 300, "script": 1000,
    "ffmpeg": 30, "config": 300, "config-edit": 300, "state": 200, "journal": 300, "transcript": 1000, "hub": 500,
    "manifest": 2000, "own-models": 300, "imports": 300, "checkpoint": 300, "command-files": 300, "params": 2000,
    "command-output": 2000, "markup": 300, "durations": 2000, "looks": 1000, "bus": 1000, "weights": 1000,
}  # fmt: skip
SERVED = {name: [pytest.mark.guest("gateway")] for name in ("door", "wyoming", "http")}
targets = pytest.mark.parametrize("target", [pytest.param(name, marks=SERVED.get(name, ())) for name in INPUTS])


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


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("raise ZeroDivisionError('no')", "ZeroDivisionError"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended the process with -11"),
        ("while True: pass", "Hang"),
    ],
)
def test_what_breaks_is_reported_with_the_command_that_repeats_it(tmp_path: Path, broken: str, words: str) -> None:
    """An exception, a process that dies, and an endless loop, at the third input."""
    program = tmp_path / "broken.py"
    program.write_text(
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\n"
        "import contextlib, fuzzing.command, fuzzing.targets, fuzzing.run\n"
        "fuzzing.command.PROGRAM = [sys.executable, __file__]; fuzzing.run.HANG_S = 0.2; count = 0\n"
        "def feed(rng):\n    global count\n    count += 1\n    if count == 3:\n"
        f"        {broken}\n"
        "@contextlib.contextmanager\ndef target(folder):\n    yield feed\n"
        "fuzzing.targets.TARGETS['broken'] = target\nsys.exit(fuzzing.command.main())\n"
    )
    command = [sys.executable, program, "--seed", "7", "--seconds", "30", "--inputs", "5", "broken"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert words in done.stdout
    assert "tests/fuzz --seed 7 --first 2 --inputs 1 broken" in done.stdout
