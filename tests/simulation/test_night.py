"""A night of seeds that is cut off in the middle, and goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.peer import wait_until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the simulated machine is a Linux"),
    pytest.mark.skipif(find_spec("greenlet") is None, reason="needs the package greenlet"),
    pytest.mark.timeout(1800),
]

TESTS = Path(__file__).parents[1]
FIRST = 40
BOUND_S = 300.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A night's folder, with a short path: the simulated machines are in it too."""
    made = Path(tempfile.mkdtemp(prefix="n", dir="/tmp"))
    yield made
    shutil.rmtree(made)


def _play_some(folder: Path) -> None:
    """Plays a night, and kills it after two seeds more."""
    seeds = folder / "seeds"
    before = seeds.read_bytes().count(b"\n") if seeds.exists() else 0
    night = subprocess.Popen(
        [sys.executable, "-m", "simulation", "--night", "--into", str(folder), "--seed", str(FIRST), "--seconds", "1",
         "--clients", "1", "--faults", "none"],
        env=os.environ | {"PYTHONPATH": str(TESTS), "SIMULATED_IN": str(folder)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # its seeds are processes
    )  # fmt: skip
    try:
        wait_until(
            lambda: seeds.exists() and seeds.read_bytes().count(b"\n") >= before + 2, "two seeds", limit_s=BOUND_S
        )
    finally:
        os.killpg(night.pid, signal.SIGKILL)
        night.wait()


def test_a_night_that_is_killed_goes_on_where_it_ended(folder: Path) -> None:
    """Twice; no seed is played twice, none is left out, and half a line of a full disk is of no seed."""
    _play_some(folder)
    with open(folder / "seeds", "ab") as seeds:
        seeds.write(b"4")
    _play_some(folder)
    _play_some(folder)
    whole = (folder / "seeds").read_bytes().rpartition(b"\n")[0].splitlines()
    numbers = [int(line.split()[0]) for line in whole]
    assert numbers == list(range(FIRST, FIRST + len(numbers)))
    assert all(len(line.split()) >= 3 for line in whole)
