"""Faults by their meaning: a function by its name, and what changes in it, found by what it says, in any module.

A place is `Class.function`, wherever in its package it stands, and code is compared as Python reads it: neither a
comment, a line that is broken elsewhere, nor a move to another module takes a fault away.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec

ROOT = Path(__file__).parents[1]
Change = Callable[[ast.AST], None]
P = ParamSpec("P")


def planted(package: str, place: str, change: Change) -> tuple[Path, str]:
    """Returns the module of a package that has a place, and its code with the fault.

    Args:
        package: a package or module, such as `hushd_supervisor.core`.
        place: the name of a function, with that of its class where it has one; none is the module itself.
    Raises:
        LookupError: there is no such place, or several, or nothing there that could be changed.
    """
    name = package.replace(".", "/")
    folders = [*ROOT.glob(f"*/{name}"), *ROOT.glob(f"plugins/*/{name}")]
    files = [*ROOT.glob(f"*/{name}.py"), *(file for folder in folders for file in sorted(folder.rglob("*.py")))]
    named = f"def {place.rpartition('.')[2]}(" if place else ""
    trees = [(file, ast.parse(text)) for file in files if named in (text := file.read_text())]
    found = [(file, tree, node) for file, tree in trees for where, node in _places(tree) if where == place]
    if len(found) != 1:
        raise LookupError(f"{package} has {len(found)} places named {place!r}, not one")
    ((file, tree, node),) = found
    try:
        change(node)
    except LookupError as error:
        raise LookupError(f"{file}, {place}: {error}") from None
    return file, ast.unparse(ast.fix_missing_locations(tree))


def named(make: Callable[P, Change]) -> Callable[P, Change]:
    """The change bears the name under which a table has it."""

    def make_named(*arguments: P.args, **options: P.kwargs) -> Change:
        change = make(*arguments, **options)
        change.__name__ = f"{make.__name__}({', '.join(map(repr, arguments))})"
        return change

    return make_named


@named
def drop(says: str, nth: int | None = None) -> Change:
    """A statement does not happen: the one that says this, or of several the nth."""
    return lambda node: _replace(node, _one(node, says, nth, *_SIMPLE), ast.Pass())


@named
def never(says: str) -> Change:
    """A condition is never true."""
    return lambda node: _replace(node, _condition(node, says), ast.Constant(False))


@named
def always(says: str) -> Change:
    """A condition is always true."""
    return lambda node: _replace(node, _condition(node, says), ast.Constant(True))


@named
def ignore(says: str) -> Change:
    """One of the things that `and` or `or` join does not count."""

    def change(node: ast.AST) -> None:
        joined = [(one, each) for one in ast.walk(node) if isinstance(one, ast.BoolOp) for each in one.values]
        found = [(one, each) for one, each in joined if says in ast.unparse(each)]
        one, each = _only(says, _innermost(found))
        one.values.remove(each)

    return change


@named
def instead(old: str, new: str, nth: int | None = None) -> Change:
    """Something else is computed in the place of an expression."""
    value = _expression(new)

    def change(node: ast.AST) -> None:
        same = [one for one in ast.walk(node) if isinstance(one, ast.expr) and ast.unparse(one) == _text(old)]
        _replace(node, _only(old, same, nth), value())

    return change


@named
def becomes(name: str, new: str) -> Change:
    """A name gets another value."""
    value = _expression(new)

    def change(node: ast.AST) -> None:
        found = [one for one in ast.walk(node) if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == name]
        _only(name, found).value = value()

    return change


@named
def does(code: str) -> Change:
    """A function does something else, whatever it did."""

    def change(node: ast.AST) -> None:
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        node.body = ast.parse(code).body

    return change


_SIMPLE = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Raise)


def _places(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    if not prefix:
        yield "", tree
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield prefix + node.name, node
            yield from _places(node, f"{prefix}{node.name}.")


def _one(node: ast.AST, says: str, nth: int | None, *kinds: type[ast.AST]) -> ast.AST:
    return _only(says, [one for one in ast.walk(node) if isinstance(one, kinds) and says in ast.unparse(one)], nth)


def _condition(node: ast.AST, says: str) -> ast.AST:
    tests = [one.test for one in ast.walk(node) if isinstance(one, ast.If | ast.While | ast.IfExp)]
    return _only(says, [test for test in tests if says in ast.unparse(test)])


def _innermost(found: list[tuple[ast.BoolOp, ast.expr]]) -> list[tuple[ast.BoolOp, ast.expr]]:
    return [(one, each) for one, each in found if not any(inner in ast.walk(each) for inner, _ in found)]


def _only(says: str, found: list, nth: int | None = None):  # type: ignore[no-untyped-def, type-arg]
    if not found or (nth is None and len(found) > 1):
        raise LookupError(f"{len(found)} places say {says!r}")
    return sorted(found, key=lambda one: getattr(one, "lineno", 0))[nth or 0]


def _replace(node: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(node):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
            elif isinstance(value, list):
                value[:] = [new if each is old else each for each in value]


def _expression(code: str) -> Callable[[], ast.expr]:
    return lambda: ast.parse(code, mode="eval").body


def _text(code: str) -> str:
    return ast.unparse(ast.parse(code, mode="eval"))
