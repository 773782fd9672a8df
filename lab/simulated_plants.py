"""Faults of the modules that the simulation loads: a list of them, and a way to plant one in a loaded module."""

from __future__ import annotations

import ast
import sys
import zlib
from collections import Counter
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import operators
from simulated_faults import FAULTS, PARTS, TESTED, UNSEEN
from transplant import NotPlayed, transplant

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "hushd_supervisor": "supervisor",
    "hushd_worker": "worker",
    "hushd_protocol": "protocol",
    "hushd": "client",
    "hushd_gateway": "gateway",
}


class Plant(NamedTuple):
    """A fault in a module.

    Attributes:
        number: of the site that an operator changes; -1 where `right` is text.
        kinds: the faults of the machine that bring it to light; all, where empty.
        twin: how many sites with the same text the function has before it.
    """

    part: str
    module: str
    right: str
    wrong: str
    line: int
    function: str = ""
    number: int = -1
    kinds: tuple[str, ...] = ()
    twin: int = 0

    def __str__(self) -> str:
        place = self.module.removeprefix("hushd_supervisor.").removeprefix("hushd_protocol.")
        return f"{place}{f' {self.function}' if self.function else ''}: {self.right!r} -> {self.wrong!r}"

    @property
    def key(self) -> str:
        """The fault's name in results, which outlives changes elsewhere in its module."""
        return " | ".join((self.module, self.function, self.right, self.wrong, str(self.twin)))

    def tree(self) -> ast.Module:
        """The module with the fault in it."""
        text = source(self.module)
        if self.number >= 0:
            return operators.planted(ast.parse(text), self.number)
        return ast.parse(text.replace(self.right, self.wrong, 1))


def path_of(module: str) -> Path:
    package = module.partition(".")[0]
    return ROOT / PACKAGES[package] / f"{module.replace('.', '/')}.py"


@cache
def source(module: str) -> str:
    """The source of a module, as it was loaded."""
    return path_of(module).read_text()


def made(share: int) -> tuple[list[Plant], int]:
    """Returns one of each `share` faults that the operators make, and the number of statements that only log."""
    plants, silent = [], 0
    for part, modules in PARTS.items() if share else ():
        for module in modules:
            sites, logs = operators.sites(ast.parse(source(module)))
            silent += logs
            twins = Counter[tuple[str, ...]]()
            for number, site in enumerate(sites):
                twin, twins[site[1:]] = twins[site[1:]], twins[site[1:]] + 1
                if zlib.crc32(" ".join((module, *site[1:])).encode()) % share == 0:
                    plants.append(
                        Plant(part, module, site.right, site.wrong, site.line, site.function, number, twin=twin)
                    )
    return plants, silent


def written() -> list[Plant]:
    """Returns the faults of the table.

    Raises:
        NotPlayed: one has no place.
    """
    plants = []
    for part, module, right, wrong, kinds in FAULTS:
        text = source(module)
        if right not in text:
            raise NotPlayed(f"{module} has no {right!r} any more")
        line = text[: text.index(right)].count("\n") + 1
        plants.append(Plant(part, module, right, wrong, line, kinds=tuple(kinds.split())))
    return plants


def install(plant: Plant) -> None:
    """Plants a fault in the loaded module. Raises Elsewhere."""
    module = sys.modules[plant.module]
    right, wrong = ast.parse(source(plant.module)), plant.tree()
    for before, after in zip(right.body, wrong.body, strict=True):
        if isinstance(before, ast.Assign) and ast.dump(before) != ast.dump(after):
            assert isinstance(after, ast.Assign)
            assert isinstance(before.targets[0], ast.Name)
            _set(module, before.targets[0].id, eval(compile(ast.Expression(after.value), "", "eval"), vars(module)))
            after.value = before.value
    transplant(module, *(compile(tree, str(module.__file__), "exec", dont_inherit=True) for tree in (right, wrong)))


def _set(module: ModuleType, name: str, value: Any) -> None:
    """Gives a constant another value, in all modules that have imported it."""
    before = vars(module)[name]
    for other in list(sys.modules.values()):
        if getattr(other, "__dict__", {}).get(name) is before:
            setattr(other, name, value)


def reason(plant: Plant) -> str:
    """The reason for which no program can see a fault; empty where one may."""
    for module, function, right, wrong, why in UNSEEN:
        place = (module, function) == (plant.module, plant.function)
        if place and plant.right.startswith(right) and plant.wrong.startswith(wrong):
            return why
    return ""


def test_of(plant: Plant) -> str:
    """The test that fails with a fault planted in it and the processes that it starts; empty where none is known."""
    return dict(TESTED).get(plant.key, "")
