"""The functions of the product that have changed, the order in which they are drawn, and the faults of each.

The same tree has the same faults everywhere: all is drawn by the functions' own texts (`fault_maker.py`).
"""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAKER = [str(ROOT / ".venv/bin/uv"), "tool", "run", "--quiet", "--from", "cosmic-ray>=8.7,<9"]
# Rooms whose tests have another name.
ROOMS = {
    "protocol/hushd_protocol": "tests/protocol",
    "protocol/hushd_schema": "tests/schema",
}
NEVER = {"protocol/hushd_protocol/system/lifeline.py"}  # its faults would end the processes of others: of group 1, say
NOT_PRODUCT = {"tests", "docs", "lab", "packaging", "release", "scripts"}


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method of the product as Python reads it: its docstring and comments are not of its text."""

    path: str
    name: str
    first: int
    last: int
    text: str

    @property
    def key(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def module(self) -> str:
        """The dotted name of its module."""
        parts = Path(self.path).with_suffix("").parts
        return ".".join(parts[2 if parts[0] == "plugins" else 1 :])

    @property
    def room(self) -> str:
        """The folder of its room's tests."""
        top, below = self.path.split("/")[:2]
        return ROOMS.get(f"{top}/{below}", f"plugins/{below}/tests" if top == "plugins" else f"tests/{top}")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in a function: the line and operator, and the code of the module that has it."""

    function: Function
    line: int
    operator: str
    code: str

    def __str__(self) -> str:
        text = (ROOT / self.function.path).read_text().splitlines()[self.line - 1].strip()
        return f"{self.function.path} {self.function.name} {self.operator}: {text}"


def functions(path: str, code: str) -> Iterator[Function]:
    """Yields the functions of a module and the methods of its classes; a function inside another belongs to that."""
    for node, name in defined(ast.parse(code)):
        first = min((node.lineno, *(each.lineno for each in node.decorator_list)))
        last = node.end_lineno or first
        if node.body and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant):
            node.body[0] = ast.Pass()
        yield Function(path, name, first, last, ast.unparse(node))


def defined(tree: ast.AST, prefix: str = "") -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, prefix + node.name
        elif isinstance(node, ast.ClassDef | ast.If | ast.Try):
            yield from defined(node, f"{prefix}{node.name}." if isinstance(node, ast.ClassDef) else prefix)


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def product(names: str) -> list[str]:
    """Returns the modules of the product among names, a line each."""
    return [
        name
        for name in names.splitlines()
        if name.endswith(".py") and "/" in name and not NOT_PRODUCT & set(Path(name).parts) and name not in NEVER
    ]


def changed(base: str) -> list[Function]:
    """Returns the functions that a commit had not, in any module."""
    was = product(git("diff", "--name-only", "--no-renames", "--diff-filter=MD", base))
    before = {one.text for path in was for one in functions(path, git("show", f"{base}:{path}"))}
    new = git("diff", "--name-only", "--no-renames", "--diff-filter=MA", base)
    return [
        one for path in product(new) for one in functions(path, (ROOT / path).read_text()) if one.text not in before
    ]


def a_day_before() -> str:
    """Returns the newest commit that is a day older than the last: not than now, or each hour would have another."""
    day = int(git("log", "-1", "--format=%ct")) - 86400
    return (
        git("rev-list", "-1", f"--before={day}", "HEAD").strip()
        or git("rev-list", "--max-parents=0", "HEAD").split()[0]
    )


def in_drawn_order(found: list[Function], seed: str = "") -> list[Function]:
    """Orders functions by what all of them say: the same tree has the same order, and the next one another."""
    tree = hashlib.sha256("".join([seed, *sorted(one.key for one in found)]).encode()).hexdigest()
    return sorted(found, key=lambda one: hashlib.sha256((tree + one.path + one.name + one.key).encode()).digest())


def faults(drawn: list[Function]) -> Iterator[list[Fault]]:
    """Yields the faults of each function."""
    rows = "".join(json.dumps([str(ROOT / one.path), one.first, one.last, one.key]) + "\n" for one in drawn)
    maker = [*MAKER, "python", str(ROOT / "lab/fault_maker.py")]
    done = subprocess.run(maker, input=rows, check=True, capture_output=True, text=True)
    for one, line in zip(drawn, done.stdout.splitlines(), strict=True):
        yield [Fault(one, *each) for each in json.loads(line)]
