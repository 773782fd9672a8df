"""The storm of tests/chaos, in its short form: real processes, everything breaks, nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform != "linux", reason="looks for what is left in /proc")
@pytest.mark.parametrize("seconds", [15, pytest.param(300, marks=pytest.mark.night)])
def test_nothing_is_lost_whatever_breaks(tmp_path: Path, seconds: int) -> None:
    """Every request ends once, in its result or one clear error; no process, descriptor or file is left."""
    totals = tmp_path / "totals.json"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "storm.chaos",
            "--seconds",
            str(seconds),
            "--seed",
            "1",
            "--json",
            totals,
            "--logs",
            tmp_path / "logs",
        ],
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / 'lab'}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    counted = json.loads(totals.read_text())
    assert {counted[name] for name in ("lost", "duplicates", "orphans", "leaked_fds", "leaked_files")} == {0}
    assert counted["requests"] == counted["results"] + sum(counted["errors"].values())
    # It was a storm: a hundred requests a second on a machine of one's own, some on one that is busy.
    assert counted["requests"] > 6 * seconds
    assert counted["results"] > counted["requests"] / 3
    assert counted["faults"] > seconds
