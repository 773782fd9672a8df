"""Records: dataclasses that are values, which do not change."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from contextlib import suppress
from types import ModuleType


def records(package: ModuleType, *changing: str) -> list[type]:
    """Returns the dataclasses of a package, but those that change by their nature."""
    inner = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    modules = [package, *(importlib.import_module(each.name) for each in inner)]
    kinds = [kind for module in modules for kind in vars(module).values() if module.__name__ == _home(kind)]
    return [kind for kind in kinds if kind.__name__ not in changing]


def _home(kind: object) -> str:
    return kind.__module__ if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__") else ""


def changeable(kind: type) -> set[str]:
    """Returns the fields that can be set, `no_such_field` where a slip of the pen makes one, `__hash__` where it lacks.

    A value has nothing of that: a program may keep it, use it as a key and show it to another thread.
    """
    record = kind.__new__(kind)
    names = {"no_such_field"} if hasattr(record, "__dict__") else set()
    if kind.__hash__ is None:
        names.add("__hash__")
    for name in (*kind.__dataclass_fields__, "no_such_field"):  # type: ignore[attr-defined]
        with suppress(AttributeError, TypeError):
            setattr(record, name, 1)
            names.add(name)
    return names


def defaults(kinds: list[type]) -> dict[str, object]:
    """Returns the defaults that say something: to leave out any other field means no, none or nothing."""
    fields = {f"{kind.__name__}.{each.name}": each.default for kind in kinds for each in dataclasses.fields(kind)}
    return {name: default for name, default in fields.items() if default and default is not dataclasses.MISSING}


def has_names(kind: type) -> bool:
    """Returns whether fields are given by name only: one may be added anywhere, and nobody takes one for another."""
    ways = {each.kind for each in inspect.signature(kind).parameters.values()}
    return ways <= {inspect.Parameter.KEYWORD_ONLY}
