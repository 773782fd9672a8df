"""The day of tests/soak, in its short form: real processes and engines, workers are killed, nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(3600)
@pytest.mark.skipif(sys.platform != "linux", reason="looks for what is left in /proc")
@pytest.mark.parametrize("minutes", [0.2, pytest.param(25, marks=pytest.mark.night)])
def test_nothing_is_lost_whatever_breaks(tmp_path: Path, minutes: float) -> None:
    """Every request ends in its result or one clear error; no process and no file is left, and workers leave."""
    totals = tmp_path / "totals.json"
    command = [sys.executable, "-m", "storm.soak", "--minutes", str(minutes), "--requests", "20", "--json", totals]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / 'lab'}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    counted = json.loads(totals.read_text())
    assert {counted[name] for name in ("lost", "orphans", "files")} == {0}
    assert counted["requests"] == counted["results"] + sum(counted["errors"].values())
    assert counted["faults"]
    assert counted["results"] > counted["requests"] / 3
