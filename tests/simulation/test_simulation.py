"""The whole house on a simulated machine: a seed brings back its history, and nothing that was promised breaks."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.seeds import SHARE

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the simulated machine is a Linux"),
    pytest.mark.skipif(find_spec("greenlet") is None, reason="needs the package greenlet"),
    pytest.mark.timeout(1800),
]

TESTS = Path(__file__).parents[1]


def simulate(*options: str, hash_seed: str = "0") -> tuple[int, list[str]]:
    """Runs the command; returns its status and the lines that it has printed."""
    environment = os.environ | {"PYTHONPATH": str(TESTS), "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "simulation", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines()


def test_a_seed_brings_back_its_history() -> None:
    """The last line has the seed and the digest of all that happened: the same however Python hashes, and beside
    other seeds."""
    alone = simulate("--seed", "7", hash_seed="1")
    again = simulate("--seed", "7", "--jobs", "2", hash_seed="2")
    assert alone[1][-1] == again[1][-1]
    assert alone[1][-1].startswith("seed 7 ")
    assert simulate("--seed", "8")[1][-1].split()[-1] != alone[1][-1].split()[-1]


def test_nothing_that_was_promised_breaks(tmp_path: Path) -> None:
    """After each storm every living client has its answer, no worker is between two states, the account is that of the
    processes, the floor is free; and workers and supervisor leave when nobody asks for them."""
    count = max(3, round(60 * SHARE))
    status, lines = simulate("--seed", "1", "--seeds", str(count), "--history", str(tmp_path / "history"))
    assert status == 0, "\n".join(lines)


def test_without_faults_nothing_fails(tmp_path: Path) -> None:
    """With no fault each request of a client ends as it should, but for turns that others ended."""
    status, lines = simulate("--seed", "3", "--faults", "none", "--history", str(tmp_path / "history"))
    assert status == 0, "\n".join(lines)
    failed = [line for line in (tmp_path / "history").read_text().splitlines() if '"event":"fail"' in line]
    assert all('"code":"cancelled"' in line or '"code":"worker_stopped"' in line for line in failed), failed
