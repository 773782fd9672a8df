"""Makes faults in functions: run by cosmic-ray's own Python, whose operators these are, and two more of their kind.

Reads lines `[path, first line, last line, seed]`, and answers each by a line: a list of `[line, operator, code of the
module with this fault]`, at most three, drawn by the seed.
"""

import json
import random
import sys
from pathlib import Path

from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator
from parso import parse
from parso.python.tree import Keyword
from parso.tree import BaseNode

FAULTS = 3  # of each function
LOGGERS = ("log", "logger", "_log", "logging")


class DropCall(Operator):
    """A statement that is a call does not happen; a line of the log is promised to nobody."""

    def mutation_positions(self, node):
        if node.type == "simple_stmt" and node.children[0].type == "atom_expr":
            call = node.children[0]
            if call.children[-1].get_code().startswith("(") and call.children[0].get_code().strip() not in LOGGERS:
                yield node.start_pos, node.end_pos

    def mutate(self, node, index):
        node.children[0] = Keyword("pass", node.start_pos, node.get_first_leaf().prefix)
        return node

    @classmethod
    def examples(cls):
        return ()


class LoseError(DropCall):
    """An error that is raised is not."""

    def mutation_positions(self, node):
        if node.type == "simple_stmt" and (node.children[0].type == "raise_stmt" or node.children[0] == "raise"):
            yield node.start_pos, node.end_pos


def _core(*names):
    return {name: get_operator(f"core/{name}")() for name in names}


# By meaning; each function has one fault of each family before it has a second.
FAMILIES = (
    {"DropCall": DropCall(), "LoseError": LoseError(), **_core("ExceptionReplacer")},
    _core("AddNot", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceUnaryOperator_Delete_Not", "ZeroIterationForLoop",
          "ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
    _core("NumberReplacer", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceUnaryOperator_Delete_USub",
          *(f"ReplaceComparisonOperator_{pair}" for pair in (
              "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
          *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Mod_Mul"))),
)  # fmt: skip


def nodes(node):
    """Yields the nodes of a tree in cosmic-ray's order."""
    yield node
    if isinstance(node, BaseNode):
        for child in node.children:
            yield from nodes(child)


def places(tree, operator, first, last):
    """Yields the number of each fault that an operator makes within these lines, and its line."""
    number = 0
    for node in nodes(tree):
        for (line, _), _ in operator.mutation_positions(node):
            if first <= line <= last and not _says_nothing(node):
                yield number, line
            number += 1


def _says_nothing(node):
    """Returns whether a node is in an annotation, which is text here, or in an assertion, which is for readers; or a
    star or stroke that computes nothing, such as one between parameters."""
    if node.type == "operator" and node.value in ("*", "/") and node.parent.type != "term":
        return True
    while node.parent is not None:
        in_annotation = node.parent.type == "funcdef" and node.parent.annotation is node
        if in_annotation or node.type in ("annassign", "tfpdef", "assert_stmt"):
            return True
        node = node.parent
    return False


def draw(path, first, last, seed):
    code = Path(path).read_text()
    tree = parse(code)
    chance = random.Random(seed)
    families = []
    for family in FAMILIES:
        found = [
            (name, number, line) for name, one in family.items() for number, line in places(tree, one, first, last)
        ]
        chance.shuffle(found)
        families.append(found)
    chance.shuffle(families)
    turns = [place for turn in range(FAULTS) for found in families for place in found[turn : turn + 1]]
    operators = {name: one for family in FAMILIES for name, one in family.items()}
    faults = []
    for name, number, line in turns:
        visitor = MutationVisitor(number, operators[name])
        try:
            faults.append((line, name, visitor.walk(parse(code)).get_code()))
        except AttributeError:  # cosmic-ray replaces no name with a dot among several exceptions
            continue
        if len(faults) == FAULTS:
            break
    return faults


for row in sys.stdin:
    print(json.dumps(draw(*json.loads(row))), flush=True)
