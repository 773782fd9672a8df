"""Faults that are made by operators on the syntax tree of a module: what somebody could have got wrong in each line.

A condition is negated or lacks a part, a statement is dropped, a number or a truth value is another, a bound is off by
one, an exception is not caught. What only writes a log is left alone, and counted.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from typing import NamedTuple, TypeVar

_LOGGING = ("record", "_record", "log", "_log", "mark", "print", "debug", "log_request")  # calls by these names
_MOST = 100  # a larger number is a size, of which one more or less is the same
_NEXT: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}

Node = TypeVar("Node", bound=ast.AST)


class Site(NamedTuple):
    """A place where an operator can be applied.

    Attributes:
        line: of the node.
        right, wrong: the text there, and the planted one, on one line each.
    """

    line: int
    function: str
    right: str
    wrong: str


class Operators(ast.NodeTransformer):
    """Finds all sites of a module, and plants a fault at one of them.

    Args:
        chosen: the number of the site; None to find them only.

    Attributes:
        sites: those that were met, in order.
        silent: statements that only write a log.
    """

    def __init__(self, chosen: int | None = None) -> None:
        self._chosen = chosen
        self._function: list[str] = []
        self._inside = 0  # functions around the node
        self.sites: list[Site] = []
        self.silent = 0

    def _site(self, node: Node, wrong: Callable[[], ast.AST]) -> ast.AST:
        """Counts a site; returns the node that stands there."""
        if not self._inside:
            return node
        number = len(self.sites)
        planted = ast.copy_location(wrong(), node)
        line = getattr(node, "lineno", 0)
        self.sites.append(Site(line, ".".join(self._function), _text(node), _text(planted)))
        return ast.fix_missing_locations(planted) if number == self._chosen else node

    # --- where we are --------------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if node.name == "__repr__":
            return node
        self._function.append(node.name)
        self._inside += 1
        node.body = [self.visit(statement) for statement in node.body]
        self._inside -= 1
        self._function.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self._function.append(node.name)
        node.body = [self.visit(statement) for statement in node.body]
        self._function.pop()
        return node

    # --- conditions ----------------------------------------------------------------------------------------------

    def _negated(self, node: ast.If | ast.While | ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.test, ast.Constant):
            return node

        def wrong() -> ast.AST:
            other = copy.copy(node)
            other.test = ast.UnaryOp(ast.Not(), node.test)
            return other

        return self._site(node, wrong)

    visit_If = visit_While = visit_IfExp = _negated

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        result: ast.AST = node
        for value in node.values:
            rest = [other for other in node.values if other is not value]
            planted = self._site(node, lambda rest=rest: rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest))
            result = planted if planted is not node else result
        return result

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if len(node.ops) != 1 or type(node.ops[0]) not in _NEXT:
            return node
        return self._site(node, lambda: ast.Compare(node.left, [_NEXT[type(node.ops[0])]()], node.comparators))

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        value = node.value
        if isinstance(value, bool):
            return self._site(node, lambda: ast.Constant(not value))
        if isinstance(value, int | float) and abs(value) < _MOST:
            return self._site(node, lambda: ast.Constant(value + 1))
        return node

    # --- statements ----------------------------------------------------------------------------------------------

    def _dropped(self, node: ast.stmt) -> ast.AST:
        self.generic_visit(node)
        return self._site(node, ast.Pass)

    visit_Delete = visit_Continue = visit_Break = visit_AugAssign = visit_Raise = _dropped

    def visit_Return(self, node: ast.Return) -> ast.AST:
        return self._dropped(node) if node.value is None else self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if not isinstance(node.value, ast.Call):
            return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)
        called = node.value.func
        if (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in _LOGGING:
            self.silent += 1
            return node
        return self._dropped(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        place = node.targets[0]
        if isinstance(place, ast.Attribute | ast.Subscript) and self._function[-1:] != ["__init__"]:
            return self._dropped(node)
        return self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)

        def wrong() -> ast.AST:
            return ast.ExceptHandler(node.type, node.name, [ast.Raise()])

        return self._site(node, wrong)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node  # wording

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        return node


def _text(node: ast.AST) -> str:
    """The first line of a node."""
    return ast.unparse(node).strip().split("\n")[0][:160]


def sites(tree: ast.Module) -> tuple[list[Site], int]:
    """Returns the sites of a module, and the number of its statements that only write a log."""
    operators = Operators()
    operators.visit(tree)
    return operators.sites, operators.silent


def planted(tree: ast.Module, number: int) -> ast.Module:
    """Returns the module with a fault at one of its sites."""
    Operators(number).visit(tree)
    return tree
