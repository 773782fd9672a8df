"""Each state of the core is written by its owner alone; everybody else asks it by a word of the owner's."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import hushd_supervisor.core as core

ROOT = Path(core.__path__[0])
RECORDS = {  # without a will of their own: the file that has them writes them
    "ActiveRequest": "worker/jobs.py",
    "Claim": "floor.py",
    "Process": "worker/lifecycle.py",
    "Progress": "worker/lifecycle.py",
}
CHANGES = {"append", "extend", "setdefault", "update"}  # of a list or a table


def test_a_state_is_written_by_its_owner_alone() -> None:
    """No module writes an attribute of another's object, nor into a list that another has."""
    assert list(foreign({str(path.relative_to(ROOT)): path.read_text() for path in ROOT.rglob("*.py")})) == []


def test_whoever_writes_into_a_neighbour_is_found() -> None:
    """An assignment, one in a tuple, into a table, and a list that grows are all seen."""
    owner = "class Owner:\n    def __init__(self):\n        self.count = self.names = self.sizes = 0\n"
    other = "def f(owner, sizes):\n    owner.count += 1\n    x, owner.count = 1, 2\n    owner.sizes['a'] = 1\n"
    lines = list(foreign({"owner.py": owner, "other.py": f"{other}    owner.names.append(1)\n    sizes.append(1)\n"}))
    assert [line.split(":")[1] for line in lines] == ["2", "3", "4", "5"]
    assert not list(foreign({"owner.py": owner + "\n" + other}))


def foreign(modules: dict[str, str]) -> Iterator[str]:
    """Yields the writes, as `FILE:LINE: TARGET`, into what the file's classes do not declare."""
    trees = {name: ast.parse(text) for name, text in modules.items()}
    owned: defaultdict[str, set[str]] = defaultdict(set)
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                states = set(declared(node))
                owned[name] |= states
                owned[RECORDS.get(node.name, name)] |= states
    for name, tree in trees.items():
        for state in written(tree):
            if state.attr not in owned[name] and ast.unparse(state.value) != "self":
                yield f"{name}:{state.lineno}: {ast.unparse(state)}"


def declared(of: ast.ClassDef) -> Iterator[str]:
    """Yields the fields of a class, and what its methods assign to `self`."""
    yield from (ast.unparse(field.target) for field in of.body if isinstance(field, ast.AnnAssign))
    yield from (state.attr for state in written(of) if ast.unparse(state.value) == "self")


def written(tree: ast.AST) -> Iterator[ast.Attribute]:
    """Yields each attribute that is assigned, deleted or changed."""
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign | ast.Delete):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            targets = [node.func.value]
        for target in targets:
            for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
                while isinstance(part, ast.Subscript):
                    part = part.value
                if isinstance(part, ast.Attribute):
                    yield part
