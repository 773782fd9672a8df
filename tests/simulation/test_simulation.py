"""The whole house on a simulated machine: a seed brings back its history, and nothing that was promised breaks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from simulation.script import POINTS
from support.seeds import SHARE

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the simulated machine is a Linux"),
    pytest.mark.skipif(find_spec("greenlet") is None, reason="needs the package greenlet"),
    pytest.mark.timeout(1800),
]

TESTS = Path(__file__).parents[1]


def simulate(*options: str, hash_seed: str = "0", packages: Path | None = None) -> tuple[int, list[str]]:
    """Runs the command, with further packages installed; returns its status and the lines that it has printed."""
    path = os.pathsep.join(map(str, filter(None, (TESTS, packages))))
    environment = os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "simulation", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines()


def test_a_seed_brings_back_its_history(tmp_path: Path) -> None:
    """The last line has the seed and the digest of all that happened: the same however Python hashes, beside other
    seeds, and whatever else is installed."""
    package = tmp_path / "another-1.dist-info"
    package.mkdir()
    (package / "entry_points.txt").write_text("[hushd.engines]\nanother = another:SPEC\n")
    alone = simulate("--seed", "7", hash_seed="1")
    again = simulate("--seed", "7", "--jobs", "2", hash_seed="2", packages=tmp_path)
    assert alone[1][-1] == again[1][-1]
    assert alone[1][-1].startswith("seed 7 ")
    assert simulate("--seed", "8")[1][-1].split()[-1] != alone[1][-1].split()[-1]


def test_nothing_that_was_promised_breaks(tmp_path: Path) -> None:
    """Every living client has its answer after each storm, no worker is between two states, the account is that of the
    processes, the floor is free; and workers and supervisor leave when nobody asks for them. Each point in product code
    was taken by one of a night's seeds: a point that none comes to is dead."""
    count = max(3, round(120 * SHARE))
    status, lines = simulate("--seed", "1", "--seeds", str(count), "--history", str(tmp_path / "history"))
    assert status == 0, "\n".join(lines)
    taken = next(line for line in lines if line.startswith("points: "))
    dead = [point for point in POINTS if not re.search(rf"\d {point}(,|$)", taken)]
    assert not dead or count < 1000, f"no seed takes {dead}: {taken}"


def test_each_point_is_in_product_code_once() -> None:
    """The simulation opens the points that there are, and no two places in the code share a name."""
    product = ("client", "gateway", "models", "protocol", "supervisor", "worker")
    files = [path for folder in product for path in (TESTS.parent / folder).rglob("*.py")]
    named = [name for path in files for name in re.findall(r'\bbuggify\("([^"]+)"\)', path.read_text())]
    named.remove("name")  # the example in `hushd_protocol`
    assert sorted(named) == sorted(POINTS)


@pytest.mark.parametrize("moment", [0.9, 0.95])
def test_a_start_outlives_a_standstill(tmp_path: Path, moment: float) -> None:
    """The machine stands still for 40 s while a supervisor starts: its client does not count them to the 30 s that this
    may take."""
    faults = ((moment, "freeze", 20.0), (moment + 19.9, "freeze", 20.0))
    script = {"seed": 5, "seconds": 45.0, "clients": [["status"]], "faults": faults}
    (tmp_path / "script").write_text(json.dumps(script))
    status, lines = simulate("--script", str(tmp_path / "script"))
    assert status == 0, "\n".join(lines)


def test_without_faults_nothing_fails(tmp_path: Path) -> None:
    """Each request of a client ends as it should without a fault, but for turns that others ended."""
    status, lines = simulate("--seed", "3", "--faults", "none", "--history", str(tmp_path / "history"))
    assert status == 0, "\n".join(lines)
    failed = [line for line in (tmp_path / "history").read_text().splitlines() if '"event":"fail"' in line]
    assert all('"code":"cancelled"' in line or '"code":"worker_stopped"' in line for line in failed), failed
