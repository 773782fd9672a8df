"""The faults of scripts/mutants: each still has its place in the code."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[3]
CORE = ROOT / "supervisor/hushd_supervisor/core"


def test_every_fault_has_its_place() -> None:
    """A line that was rewritten takes its fault along, or the promise that it stands for is no longer tried."""
    faults = runpy.run_path(str(ROOT / "scripts" / "faults.py"))["FAULTS"]
    lost = [(module, right) for module, right, _ in faults if right not in (CORE / f"{module}.py").read_text()]
    assert not lost
    assert all(right != wrong for _, right, wrong in faults)
