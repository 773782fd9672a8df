"""The parameters of a request, as data: what checks them here is what `/openapi.json` says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hushd_schema.operation import EITHER, Field, Name, Operation

from . import fields
from .fields import Fields

Schema = Mapping[str, Any]
_NOTHING: Schema = {"type": "null"}
_TEXT: Schema = {"type": "string"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        check: its value in the fields of a request.
        schema: what a form or an address has.
        json: what JSON may have, too.
        several: whether it is a list, whose name in a form ends in `[]`.
    """

    name: str
    about: str
    check: Callable[[Fields, str], Any]
    schema: Schema
    json: Sequence[Schema] = (_NOTHING,)
    required: bool = False
    several: bool = False

    def in_json(self) -> Schema:
        """Its schema in JSON, where null means what leaving it out does."""
        return {"anyOf": [self.schema, *self.json], "description": self.about}

    def in_form(self) -> Schema:
        """Its schema in a form or an address."""
        return {**self.schema, "description": self.about}


class Parameters:
    """All parameters of a request.

    Args:
        file: of a form: what its field `file` holds; empty for none.
    """

    def __init__(self, *parameters: Parameter, file: str = "") -> None:
        self._parameters = parameters
        self.file = file

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._parameters)

    def check(self, data: Fields) -> dict[str, Any]:
        """The values by name.

        Raises:
            ApiError: one does not fit.
        """
        return {each.name: each.check(data, each.name) for each in self._parameters}

    def in_json(self) -> Schema:
        """The schema of an object of JSON."""
        return _object({each.name: each.in_json() for each in self}, [each.name for each in self if each.required])

    def in_form(self) -> Schema:
        """The schema of a form."""
        properties = {f"{each.name}[]" if each.several else each.name: each.in_form() for each in self}
        if self.file:
            properties["file"] = {"type": "string", "format": "binary", "description": self.file}
        return _object(properties, ["file"] if self.file else [])


def of(operation: Operation, sound: str = EITHER) -> Parameters:
    """The parameters that are fields of an operation, of those that a kind of sound has."""
    return Parameters(
        *(_of(operation.fields[name], name, there) for name, there in operation.taken("http", sound).items())
    )


def asked(operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
    """The operation's fields among checked values; a text that is empty counts as left out."""
    names = {name: there.name or name for name, there in operation.taken("http").items()}
    return {name: given[there] if given[there] != "" else None for name, there in names.items() if there in given}


def _of(field: Field, name: str, there: Name) -> Parameter:
    """The parameter that a field is: its kind's form decides how a value is read."""
    name, form = there.name or name, (there.kind or field.kind).form
    match form.get("type"):
        case "boolean":
            return flag(name, there.about)
        case "integer":
            return whole(name, form["minimum"], form["maximum"], there.about)
        case "number":
            return number(name, form["minimum"], form["maximum"], there.about)
    return text(name, there.about)


def text(name: str, about: str) -> Parameter:
    """Any text."""
    return Parameter(name, about, fields.text, _TEXT)


def number(name: str, least: float, most: float, about: str) -> Parameter:
    """A number, which JSON may have as text, too."""
    schema = {"type": "number", "minimum": least, "maximum": most}
    return Parameter(name, about, partial(_bounded, fields.number, least, most), schema, (_TEXT, _NOTHING))


def whole(name: str, least: int, most: int, about: str) -> Parameter:
    """A whole number, which JSON may have as text, too."""
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Parameter(name, about, partial(_bounded, fields.whole, least, most), schema, (_TEXT, _NOTHING))


def flag(name: str, about: str) -> Parameter:
    """True or false, which JSON may have as text, too."""
    return Parameter(
        name, about, fields.flag, {"anyOf": [{"type": "boolean"}, {"enum": ["1", "0", ""]}]}, (_TEXT, _NOTHING)
    )


def choice(name: str, choices: Sequence[str], default: str, about: str) -> Parameter:
    """One of several words; the empty one stands for the default."""

    def check(data: Fields, name: str) -> str:
        return fields.choice(data, name, choices, default)

    return Parameter(name, about, check, {"enum": [*choices, ""], "default": default})


def texts(name: str, about: str) -> Parameter:
    """A list of texts, or one."""
    return Parameter(name, about, fields.texts, _several(_TEXT), several=True)


def subset(name: str, choices: Sequence[str], about: str) -> Parameter:
    """Some of several words."""

    def check(data: Fields, name: str) -> set[str]:
        return fields.subset(data, name, choices)

    return Parameter(name, about, check, _several({"enum": [*choices, ""]}), several=True)


def record(name: str, about: str) -> Parameter:
    """An object."""
    return Parameter(name, about, fields.record, {"type": "object"})


def _bounded(check: Callable[..., Any], least: float, most: float, data: Fields, name: str) -> Any:
    return check(data, name, least, most)


def _several(one: Schema) -> Schema:
    return {"anyOf": [{"type": "array", "items": one}, one]}


def _object(properties: Mapping[str, Schema], required: Sequence[str]) -> Schema:
    found: dict[str, Any] = {"type": "object", "properties": properties}
    return found | ({"required": list(required)} if required else {})
