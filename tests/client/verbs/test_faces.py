"""The two faces of the verbs: their methods have the same names and options."""

from __future__ import annotations

import inspect
from typing import Any

from hushd import AsyncClient, Client


def public(of: type) -> dict[str, Any]:
    """The methods of a class that are not private."""
    members = inspect.getmembers(of, inspect.isfunction)
    return {name: value for name, value in members if not name.startswith("_")}


def test_the_names_and_options_are_the_same() -> None:
    """Names, kinds and defaults are the same, in their order, so that a program changes only its `await`s; and options
    by type. Devices are for threads alone."""

    def shape(function: Any) -> list[tuple[Any, ...]]:
        return [
            (each.name, each.kind, each.annotation if each.kind is each.VAR_KEYWORD else each.default)
            for each in inspect.signature(function).parameters.values()
        ]

    ours, theirs = public(AsyncClient), public(Client)
    del theirs["floor"], theirs["conversation"]
    assert {name: shape(each) for name, each in ours.items()} == {name: shape(each) for name, each in theirs.items()}
    assert shape(AsyncClient) == shape(Client)
