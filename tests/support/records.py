"""Records: dataclasses and structs that are values, which do not change."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from contextlib import suppress
from types import ModuleType
from typing import Any

import msgspec
from hushd_schema.record import Record
from msgspec import structs


def records(package: ModuleType, *changing: str) -> list[type]:
    """Returns the dataclasses of a package, but those that change by their nature."""
    inner = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    modules = [package, *(importlib.import_module(each.name) for each in inner)]
    kinds = [kind for module in modules for kind in vars(module).values() if module.__name__ == _home(kind)]
    return [kind for kind in kinds if kind.__name__ not in changing]


def _home(kind: object) -> str:
    return kind.__module__ if isinstance(kind, type) and (dataclasses.is_dataclass(kind) or _is_struct(kind)) else ""


def _is_struct(kind: type) -> bool:
    return issubclass(kind, msgspec.Struct) and kind is not msgspec.Struct


def fields(kind: Any) -> dict[str, Any]:
    """Returns the defaults of a record's fields by name: `...` for a field without one, or with one made anew."""
    if _is_struct(kind):
        known, none = [(each.name, each.default) for each in structs.fields(kind)], msgspec.NODEFAULT
    else:
        known, none = [(each.name, each.default) for each in dataclasses.fields(kind)], dataclasses.MISSING
    return {name: ... if default is none else default for name, default in known}


def changeable(kind: type) -> set[str]:
    """Returns the fields that can be set, `no_such_field` where a slip of the pen makes one, `__hash__` where it lacks.

    A value has nothing of that: a program may keep it, use it as a key and show it to another thread.
    """
    made: Any = kind
    record = made(**dict.fromkeys(fields(kind))) if _is_struct(kind) else kind.__new__(kind)
    names = {"no_such_field"} if hasattr(record, "__dict__") else set()
    if kind.__hash__ is None:
        names.add("__hash__")
    for name in (*fields(kind), "no_such_field"):
        with suppress(AttributeError, TypeError):
            setattr(record, name, 1)
            names.add(name)
    return names


def defaults(kinds: list[type]) -> dict[str, object]:
    """Returns the defaults that say something: to leave out any other field means no, none or nothing."""
    known = {f"{kind.__name__}.{name}": default for kind in kinds for name, default in fields(kind).items()}
    return {name: default for name, default in known.items() if default and default is not ... and _says(default)}


def _says(default: object) -> bool:
    return not isinstance(default, Record) or default.data() != {}


def has_names(kind: type) -> bool:
    """Returns whether fields are given by name only: one may be added anywhere, and nobody takes one for another."""
    ways = {each.kind for each in inspect.signature(kind).parameters.values()}
    return ways <= {inspect.Parameter.KEYWORD_ONLY}
