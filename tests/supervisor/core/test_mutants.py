"""The faults of scripts/mutants: each still has its place in the code."""

from __future__ import annotations

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "scripts" / "mutants.py"


def test_every_fault_has_its_place() -> None:
    """A line that was rewritten takes its fault along, or the promise that it stands for is no longer tried."""
    mutants = runpy.run_path(str(SCRIPT))
    lost = [(m, right) for m, right, _ in mutants["FAULTS"] if right not in (mutants["CORE"] / f"{m}.py").read_text()]
    assert not lost
    assert all(right != wrong for _, right, wrong in mutants["FAULTS"])
