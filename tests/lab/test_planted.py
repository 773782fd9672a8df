"""The faults of scripts/mutants --planted: each still has its place in the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted import PLANTED

ROOT = Path(__file__).parents[2]


@pytest.mark.night
def test_every_fault_has_its_place() -> None:
    """A line that was rewritten takes its fault along, or the promise that it stands for is no longer tried; and what
    is planted is Python, or else every test would catch it."""
    assert len(PLANTED) <= 100
    for module, right, wrong, finder in PLANTED:
        name = f"{module.replace('.', '/')}.py"
        found = [*ROOT.glob(f"*/{name}"), *ROOT.glob(f"plugins/*/{name}")]
        if finder.startswith("plugins/") and not found:
            continue  # of a plugin that is not here
        (path,) = found
        source = path.read_text()
        assert right in source, module
        compile(source.replace(right, wrong, 1), str(path), "exec")
        assert finder.startswith("simulate") or (ROOT / finder.partition("::")[0]).exists(), finder
