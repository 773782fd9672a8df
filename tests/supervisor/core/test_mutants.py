"""The faults of scripts/mutants: each still has its place in the code."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[3]
CORE = ROOT / "supervisor/hushd_supervisor/core"


def test_every_fault_has_its_place() -> None:
    """A line that was rewritten takes its fault along, or the promise that it stands for is no longer tried; and what
    is planted is Python, or else every test would catch it."""
    faults = runpy.run_path(str(ROOT / "lab" / "faults.py"))["FAULTS"]
    sources = {module: (CORE / f"{module}.py").read_text() for module, _, _ in faults}
    lost = [(module, right) for module, right, _ in faults if right not in sources[module]]
    assert not lost
    for module, right, wrong in faults:
        compile(sources[module].replace(right, wrong, 1), f"{module}.py", "exec")
    assert all(right != wrong for _, right, wrong in faults)
