"""A constant is named by what it limits, so that one name has one value in the whole product."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = (
    "agents", "cli", "client", "gateway", "models", "protocol", "reading", "supervisor", "worker",
    "worker_models", "worker_stt", "worker_tts",
    "plugins/*",
)  # fmt: skip


def test_a_name_of_a_number_has_one_value() -> None:
    """Two modules that call different numbers alike name neither by what it limits."""
    values: defaultdict[str, dict[object, str]] = defaultdict(dict)
    for room in ROOMS:
        for path in ROOT.glob(f"{room}/hushd*/**/*.py"):
            for name, value in numbers(path.read_text()):
                values[name.lstrip("_")].setdefault(value, str(path.relative_to(ROOT)))
    assert {name: found for name, found in values.items() if len(found) > 1} == {}


def test_numbers_are_found() -> None:
    """A literal, a product of literals, a declared one and each in a tuple are; a text, a switch and what a
    call gives are not."""
    text = 'G, _H = 1, 2 * 3\nI, J = "x", 2\nA = 3\n_B = 2 * 1024\nC: float = -1.5\nD = "x"\nE = True\nF = f(3)\n'
    assert list(numbers(text)) == [("G", 1), ("_H", 6), ("J", 2), ("A", 3), ("_B", 2048), ("C", -1.5)]


def numbers(text: str) -> Iterator[tuple[str, object]]:
    """Yields the constants of a module that are numbers, with their values, also in tuples."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if all(isinstance(part, LITERAL) for part in ast.walk(node.value)):
                value = eval(compile(ast.Expression(node.value), "", "eval"), {"__builtins__": {}})
                names, values = (target.elts, value) if isinstance(target, ast.Tuple) else ([target], [value])
                for key, each in zip(names, values, strict=True):
                    is_number = isinstance(each, int | float) and not isinstance(each, bool)
                    if is_number and isinstance(key, ast.Name) and key.id.isupper():
                        yield key.id, each


LITERAL = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.Tuple, ast.Load)
