"""scripts/gpu: what it says on a machine without a card."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LAB = Path(__file__).parents[2] / "lab"


@pytest.mark.skipif(os.path.exists("/dev/nvidiactl"), reason="there is a card, which takes ten minutes")
def test_without_a_card_it_says_so_in_one_sentence(tmp_path: Path) -> None:
    """Nothing is drawn, started or measured."""
    environment = {name: value for name, value in os.environ.items() if name != "HUSHD_CARDS"} | {
        "TMPDIR": str(tmp_path)
    }
    run = subprocess.run(
        [sys.executable, str(LAB / "gpu.py")], env=environment, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 1
    assert run.stderr == ""
    (line,) = run.stdout.splitlines()
    assert line.startswith("Nothing was measured: ")
    assert list(tmp_path.iterdir()) == []
