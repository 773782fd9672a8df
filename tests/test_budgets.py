"""The tree weighs no more than tests/budgets.toml allows, give or take 3 %: whoever adds much to it says why."""

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
BESIDE = {"docs", "lab", "packaging", "release", "scripts", "tests"}  # folders that are not product
SLACK = 1.03


def weight() -> Counter[str]:
    """Counts what somebody has written, and what that takes."""
    weight = Counter({"seconds of tests": sum(recorded().values())})
    weight["lines of `hushd --help`"] = lines(TESTS / "golden/help.txt")
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in MADE and not name.startswith(".")]
        parts = set(Path(folder).relative_to(ROOT).parts)
        room = "" if parts & BESIDE or not parts else wheel(Path(folder))
        for path in (Path(folder, name) for name in names):
            if path.suffix == ".md" and path.name != "CHANGELOG.md":
                weight["documents"] += lines(path)
            elif path.suffix in CODE and room:
                weight[room] += lines(path)
    return weight


def wheel(folder: Path) -> str:
    """Returns the wheel that has the code of a folder."""
    first, *rest = folder.relative_to(ROOT).parts
    return f"hushd-{rest[0]}" if first == "plugins" and rest else "hushd"


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def test_the_tree_is_within_its_budget() -> None:
    """Nothing weighs more than the table says: a number for each wheel's code, and one for the documents."""
    budget = tomllib.loads((TESTS / "budgets.toml").read_text())
    budget |= budget.pop("lines of wheels")
    exceeded = [
        f"{name}: {n}, not {budget.get(name)}" for name, n in weight().items() if n > SLACK * budget.get(name, 0)
    ]
    assert not exceeded, "take something away, or raise it in tests/budgets.toml, and say in that commit what it buys"


def test_a_wheel_says_what_it_weighs() -> None:
    """Its README has the limit that a release holds it to."""
    limits = tomllib.loads((TESTS / "budgets.toml").read_text())["kB of wheels"]
    for project in (ROOT, *(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))):
        name = "hushd" if project == ROOT else f"hushd-{project.name}"
        assert f"at most {limits.get(name, 0):,} kB" in (project / "README.md").read_text(), name
