"""The parameters of a request, as data: the checks and the tables of docs/SERVING.md are made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from hushd_protocol import JsonObject
from hushd_schema import kinds
from hushd_schema.kinds import Kind
from hushd_schema.operations import EITHER, Operation

from . import fields
from .errors import bad
from .fields import Fields


class Parameter(NamedTuple):
    """One parameter.

    Attributes:
        check: returns its value from a request's fields.
        form: its kind as JSON Schema, which says the limits or the choices.
        several: whether it is a list; in a form its name then ends in `[]`.
    """

    name: str
    about: str
    check: Callable[[Fields, str], Any]
    form: Mapping[str, Any] = MappingProxyType({})
    several: bool = False


class Parameters:
    """All parameters of a request."""

    def __init__(self, *parameters: Parameter) -> None:
        self._parameters = parameters

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._parameters)

    def check(self, data: Fields) -> JsonObject:
        """Returns the checked values by name. Raises ApiError for an invalid one."""
        return {each.name: each.check(data, each.name) for each in self._parameters}

    def further(self, data: Fields, *others: str) -> JsonObject:
        """Returns the fields that are neither parameters nor `others`, which a speech server may know.
        Raises ApiError if one is the path of a file, which only programs of this machine may name."""
        known = {each.name for each in self._parameters} | {*others}
        names = [name for name in data if name.partition("[")[0] not in known]
        extra = {name: value for name in names if (value := fields.single(data, name)) is not None}
        for name, value in extra.items():
            if isinstance(value, str) and value.startswith(("/", "~", "file:")):
                raise bad(f"{name} names a file: over HTTP a server is given the names that it knows itself.", name)
        return extra


def of(operation: Operation, sound: str = EITHER) -> Parameters:
    """Returns an operation's fields for a kind of sound, as parameters."""
    taken = operation.names_in("http", sound)
    return Parameters(
        *(
            value(own.name or name, own.about, own.kind or operation.fields[name].kind, operation.fields[name].default)
            for name, own in taken.items()
        )
    )


def options_of(operation: Operation, given: Mapping[str, Any]) -> JsonObject:
    """Returns the operation's fields among checked values; empty texts count as left out."""
    names = {name: own.name or name for name, own in operation.names_in("http").items()}
    return {name: given[own] if given[own] != "" else None for name, own in names.items() if own in given}


def value(name: str, about: str, kind: Kind, default: object) -> Parameter:
    """Returns a parameter of a kind, which forms and JSON may send as text; an empty text means left out. `default` is
    that of a flag, None if somebody else decides."""
    form = kinds.schema(kind)
    if form["type"] == "boolean" and default is False:
        return Parameter(name, about, fields.flag, form)
    if form["type"] == "string":
        return Parameter(name, about, lambda data, name: fields.value(data, name, kind) or "", form)
    return Parameter(name, about, partial(fields.value, kind=kind), form)


def text(name: str, about: str) -> Parameter:
    return value(name, about, str, None)


def flag(name: str, about: str) -> Parameter:
    """Returns a boolean parameter, which JSON may also send as text."""
    return Parameter(name, about, fields.flag)


def choice(name: str, choices: Sequence[str], default: str, about: str) -> Parameter:
    """Returns a parameter with several choices; an empty text means the default."""
    check = partial(fields.choice, choices=choices, default=default)
    return Parameter(name, about, check, {"enum": choices, "default": default})


def texts(name: str, about: str) -> Parameter:
    """Returns a parameter for a text or a list of texts."""
    return Parameter(name, about, fields.texts, several=True)
