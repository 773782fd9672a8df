"""Gives the functions of a loaded module the code of a changed source, so that a fault needs no import.

Only bodies of functions change that way. Where a fault changes anything else, such as a table, or a function that
cannot be reached by its name, `Elsewhere` says so.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any


class NotPlayed(Exception):
    """Tests that neither passed nor failed, or a fault that cannot be planted."""


class Elsewhere(Exception):
    """The fault is in no function, or in one that cannot be reached by its name."""


def transplant(module: ModuleType, right: CodeType, wrong: CodeType) -> None:
    """Gives the functions of `module`, whose source is `right`, the code that they have in `wrong`.

    Raises:
        Elsewhere: more than bodies of functions would change.
    """
    changed = dict(_changed(right, wrong))
    for function in _functions(module):
        code = changed.pop(function.__code__.co_qualname, None)
        if code:
            if code.co_freevars != function.__code__.co_freevars:
                raise Elsewhere
            function.__code__ = code
    if changed:
        raise Elsewhere


def _changed(right: CodeType, wrong: CodeType) -> Iterator[tuple[str, CodeType]]:
    """Yields the functions that differ, with their qualified names; what stands around them has to be the same."""
    codes = [[const for const in code.co_consts if isinstance(const, CodeType)] for code in (right, wrong)]
    plain = [[const for const in code.co_consts if not isinstance(const, CodeType)] for code in (right, wrong)]
    if right.co_code != wrong.co_code or repr(plain[0]) != repr(plain[1]) or right.co_names != wrong.co_names:
        yield wrong.co_qualname, wrong
        return
    for one, other in zip(*codes, strict=True):
        if one.co_flags & inspect.CO_OPTIMIZED:  # a function, and no class
            if _bytes(one) != _bytes(other):
                yield other.co_qualname, other
        else:
            yield from _changed(one, other)


def _bytes(code: CodeType) -> tuple[Any, ...]:
    """All that a code does, without the lines where it stands."""
    consts = tuple(_bytes(const) if isinstance(const, CodeType) else repr(const) for const in code.co_consts)
    return code.co_code, consts, code.co_names, code.co_varnames, code.co_freevars, code.co_exceptiontable


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    def of(owner: Any) -> Iterator[FunctionType]:
        for value in vars(owner).values():
            for function in (value, *(getattr(value, name, None) for name in ("__func__", "fget", "fset", "func"))):
                function = inspect.unwrap(function) if callable(function) else function
                if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                    yield function
            if inspect.isclass(value) and value.__module__ == module.__name__ and value is not owner:
                yield from of(value)

    yield from of(module)
