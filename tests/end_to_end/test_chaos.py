"""The storm of scripts/chaos, in its short form: real processes, everything breaks, nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).parents[2] / "scripts" / "chaos.py"
SECONDS = 45


@pytest.mark.timeout(SECONDS + 240)
@pytest.mark.skipif(sys.platform != "linux", reason="looks for what is left in /proc")
def test_nothing_is_lost_whatever_breaks(tmp_path: Path) -> None:
    """Every request ends once, in its result or one clear error; no process, descriptor or file is left."""
    totals = tmp_path / "totals.json"
    done = subprocess.run(
        [
            sys.executable,
            CHAOS,
            "--seconds",
            str(SECONDS),
            "--seed",
            "1",
            "--json",
            totals,
            "--logs",
            tmp_path / "logs",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    counted = json.loads(totals.read_text())
    assert {counted[name] for name in ("lost", "duplicates", "orphans", "leaked_fds", "leaked_files")} == {0}
    assert counted["requests"] == counted["results"] + sum(counted["errors"].values())
    # It was a storm: thousands on a machine of one's own, hundreds on one that is busy.
    assert counted["requests"] > 300
    assert counted["results"] > counted["requests"] / 3
    assert counted["faults"] > 50
