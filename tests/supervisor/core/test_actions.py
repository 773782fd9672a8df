"""The core gives its actions back in one way, as its sources say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import hushd_supervisor.core
from hushd_supervisor.core import actions

CORE = Path(hushd_supervisor.core.__file__).parent
NAMES = {"Action", *(kind.__name__ for kind in get_args(actions.Action))}
# The two halves of a worker, which write into the list that the worker hands over.
HALVES = {("worker/lifecycle.py", "Lifecycle"), ("worker/jobs.py", "Jobs")}
# An action in, the same one with more in it out: nothing is decided.
COMPLETED = {("fleet.py", "_with_model"), ("standby.py", "through_template")}
# It holds actions that were decided, until the loop has time for them.
HELD = "backlog.py"


def functions() -> Iterator[tuple[str, str, ast.FunctionDef]]:
    """Every function of the core, with its file and its class."""
    for path in CORE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.FunctionDef):
                    name = node.name if isinstance(node, ast.ClassDef) else ""
                    yield path.relative_to(CORE).as_posix(), name, child


def speaks_of_actions(annotation: ast.expr | None) -> bool:
    return annotation is not None and any(
        isinstance(node, ast.Name) and node.id in NAMES for node in ast.walk(annotation)
    )


def test_whoever_decides_returns_a_list_of_actions() -> None:
    """Nothing else: no generator that acts when it is read, no pair with a further result, no None for "not mine"."""
    found = 0
    for file, _, function in functions():
        if file in (HELD, "actions.py") or (file, function.name) in COMPLETED:
            continue
        if speaks_of_actions(function.returns):
            assert function.returns is not None
            assert ast.unparse(function.returns) == "list[Action]", f"{file}: {function.name}"
            found += 1
    assert found > 80


def test_nobody_is_handed_a_list_to_fill() -> None:
    """But for the two halves of a worker, whose actions must keep their order among each other."""
    filled = {
        (file, owner)
        for file, owner, function in functions()
        for argument in function.args.args + function.args.kwonlyargs
        if argument.annotation is not None and ast.unparse(argument.annotation) == "list[Action]"
    }
    assert filled == HALVES


def test_the_other_parts_of_a_worker_only_empty_its_outbox() -> None:
    """They are given the list too, to return what the halves have written; they write nothing into it."""
    uses = {
        line.strip()
        for path in (CORE / "worker").glob("*.py")
        if (path.relative_to(CORE).as_posix() not in {file for file, _ in HALVES})
        for line in path.read_text().splitlines()
        if "_outbox." in line or "_outbox +=" in line
    }
    assert uses
    assert all("_outbox.take()" in line for line in uses), uses
