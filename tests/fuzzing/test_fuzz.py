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
    "client.sock": 400, "worker.sock": 800, "worker": 20, "handshakes": 400, "door": 200,
    "wyoming": 200, "http": 150, "messages": 2000, "wav": 200,
    "recording": 200, "program-sound": 200, "kernel": 120, "script": 400,
    "ffmpeg": 12, "config": 120, "config-edit": 120, "state": 80, "journal": 120, "transcript": 400, "hub": 200,
    "manifest": 800, "own-models": 120, "imports": 120, "checkpoint": 120, "command-files": 120, "params": 800,
    "command-output": 800, "markup": 120, "durations": 800, "looks": 400, "neighbours": 400, "bus": 400, "weights": 400,
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


BROKEN = {
    "raises": ("raise ZeroDivisionError('no')", "ZeroDivisionError"),
    "dies": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended the process with -11"),
    "hangs": ("while True: pass", "Hang"),
}


def test_what_breaks_is_reported_with_the_command_that_repeats_it(tmp_path: Path) -> None:
    """An exception, a process that dies, and an endless loop, at the third input."""
    program = tmp_path / "broken.py"
    program.write_text(
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\n"
        "import contextlib, functools, fuzzing.command, fuzzing.targets, fuzzing.run\n"
        "fuzzing.command.PROGRAM = [sys.executable, __file__]; fuzzing.run.HANG_S = 0.2; count = 0\n"
        "def feed(broken, rng):\n    global count\n    count += 1\n    if count == 3:\n        exec(broken)\n"
        "@contextlib.contextmanager\ndef target(broken, folder):\n    yield functools.partial(feed, broken)\n"
        f"for name, (broken, _) in {BROKEN!r}.items():\n"
        "    fuzzing.targets.TARGETS[name] = functools.partial(target, broken)\n"
        "sys.exit(fuzzing.command.main())\n"
    )
    command = [sys.executable, program, "--seed", "7", "--seconds", "30", "--inputs", "5", *BROKEN]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    for name, (_, words) in BROKEN.items():
        assert words in done.stdout
        assert f"tests/fuzz --seed 7 --first 2 --inputs 1 {name}" in done.stdout
