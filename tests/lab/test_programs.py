"""Programs of the laboratory begin as their script runs them: without what pytest puts on the path."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LAB = Path(__file__).parents[2] / "lab"


@pytest.mark.parametrize("program", ["bench", "demo", "-OO demo", "gpu"])
def test_begins(program: str) -> None:
    """It prints its usage; the demo does so without docstrings, one of which was its help."""
    *options, name = program.split()
    command = [sys.executable, *options, LAB / f"{name}.py", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd="/")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout.startswith("usage:")
