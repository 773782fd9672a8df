"""The tree weighs no more than tests/budgets.toml allows: whoever adds to it says why."""

from __future__ import annotations

import os
import tomllib
from collections import Counter
from pathlib import Path

from support.processor_time import recorded

TESTS = Path(__file__).parent
ROOT = TESTS.parent
CODE = (".py", ".js", ".ts", ".mjs", ".html", ".css", ".sh", ".c")
MADE = {"node_modules", "__pycache__", "build", "dist"}
LAB = {"fuzz", "fuzzing", "hostile", "lab", "simulation", "soak", "storm"}  # folders of tests


def weight() -> Counter[str]:
    """Counts what somebody has written, and what that takes."""
    weight = Counter({"seconds of tests": sum(recorded().values())})
    weight["lines of `hushd --help`"] = lines(TESTS / "golden/help.txt")
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in MADE and not name.startswith(".")]
        top, *rest = (*(Path(folder).relative_to(ROOT).parts or ("tests",)), ".")  # beside the folders is conftest.py
        if top == "plugins":  # each is a small tree
            name, *rest = rest
            top = "tests" if rest[:1] == ["tests"] else f"plugins/{name}"
        room = "tests of lab/" if top == "tests" and rest[0] in LAB else f"{top}/"
        for path in (Path(folder, name) for name in names):
            if path.suffix == ".md" and path.name != "CHANGELOG.md":
                weight["lines of documents"] += lines(path)
            elif path.suffix in CODE or top == "scripts":
                weight[room] += lines(path)
                weight["scripts"] += top == "scripts"
                module = path.suffix == ".py" and bool(rest) and rest[0].startswith("hushd")
                weight["modules"] += module
                weight["modules of the core"] += module and not top.startswith("plugins/")
    return weight


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def test_the_tree_is_within_its_budget() -> None:
    """Nothing weighs more than the table says, and each folder of code has its line there."""
    budget = tomllib.loads((TESTS / "budgets.toml").read_text())
    exceeded = [f"{name}: {n}, not {budget.get(name, 0)}" for name, n in weight().items() if n > budget.get(name, 0)]
    assert not exceeded, "take something away, or raise it in tests/budgets.toml, and say in that commit what it buys"
