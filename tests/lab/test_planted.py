"""The faults of scripts/mutants --planted: each still has its place in the code."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest
from faults import drop, ignore, instead, never
from faults import planted as code_with
from planted import PLANTED

ROOT = Path(__file__).parents[2]
CODE = """
def give(holder, request):
    # The queue comes first.
    if (holder.free and
            not request.done):
        holder.take(request)
    return 'done'
"""


def test_every_fault_has_its_place() -> None:
    """A fault is found by its meaning, and planted as Python: a syntax error would be found by every test."""
    assert len(PLANTED) <= 100
    for package, place, change, finder in PLANTED:
        if finder.startswith("plugins/") and not find_spec(package):
            continue  # of a plugin that is not here
        file, code = code_with(package, place, change)
        compile(code, str(file), "exec")
        assert finder.startswith("simulate") or (ROOT / finder.partition("::")[0]).exists(), finder


@pytest.mark.parametrize(("change", "line"), [
    (drop("take"), "        pass"),
    (never("holder.free"), "    if False:"),
    (ignore("done"), "    if holder.free:"),
    (instead('"done"', "None"), "    return None"),
])  # fmt: skip
def test_a_fault_is_found_however_its_code_is_written(change, line) -> None:  # type: ignore[no-untyped-def]
    """A comment, a line that is broken elsewhere and other quotation marks do not hide its place."""
    tree = ast.parse(CODE)
    change(tree)
    assert line in ast.unparse(tree).splitlines()
    with pytest.raises(LookupError):
        drop("what nobody says")(tree)
