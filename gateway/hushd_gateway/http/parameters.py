"""The parameters of a request, as data: both the checks and `/openapi.json` are made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from hushd_protocol import JsonObject
from hushd_schema import kinds
from hushd_schema.kinds import Kind
from hushd_schema.operations import EITHER, Field, Name, Operation

from . import fields
from .errors import bad
from .fields import Fields

Schema = Mapping[str, Any]
_NOTHING: Schema = {"type": "null"}
_TEXT: Schema = {"type": "string"}
# A number or a flag as text, and an empty text, which means left out.
_NUMBER: Schema = {"type": "string", "pattern": r"^([+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?)?$"}
_FLAG: Schema = {"type": "string", "pattern": "^([tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|[01])?$"}
_PART = r"([0-9]+([.][0-9]*)?|[.][0-9]+)"
_UNIT = "(ns|us|µs|μs|ms|s|m|h)"
LENGTH_OF_TIME = f"[+]?{_PART}({_UNIT}({_PART}{_UNIT})*)?"  # a pattern, for `hushd_protocol.duration`


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        check: returns its value from a request's fields.
        schema: in a form or a query.
        json: further types that JSON may use.
        several: whether it is a list; in a form its name then ends in `[]`.
    """

    name: str
    about: str
    check: Callable[[Fields, str], Any]
    schema: Schema
    json: Sequence[Schema] = (_NOTHING,)
    required: bool = False
    several: bool = False

    def in_json(self) -> Schema:
        """Returns its JSON schema, in which null means the same as leaving it out."""
        return {"anyOf": [self.schema, *self.json], "description": self.about}

    def in_form(self) -> Schema:
        """Returns its schema in a form or a query."""
        return {**self.schema, "description": self.about}


class Parameters:
    """All parameters of a request.

    Args:
        file: the description of a form's field `file`; empty for none.
        rule: what its schema says of several parameters together.
    """

    def __init__(self, *parameters: Parameter, file: str = "", rule: Schema = MappingProxyType({})) -> None:
        self._parameters = parameters
        self.file = file
        self.rule = rule

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._parameters)

    def check(self, data: Fields) -> JsonObject:
        """Returns the checked values by name.

        Raises:
            ApiError: a value is invalid.
        """
        return {each.name: each.check(data, each.name) for each in self._parameters}

    def further(self, data: Fields, *others: str) -> JsonObject:
        """Returns the fields that are neither parameters nor `others`, which a speech server may know.

        Raises:
            ApiError: one is the path of a file, which only programs of this machine may name.
        """
        known = {each.name for each in self._parameters} | {*others}
        names = [name for name in data if name.partition("[")[0] not in known]
        extra = {name: value for name in names if (value := fields.single(data, name)) is not None}
        for name, value in extra.items():
            if isinstance(value, str) and value.startswith(("/", "~", "file:")):
                raise bad(f"{name} names a file: over HTTP a server is given the names that it knows itself.", name)
        return extra

    def in_json(self) -> Schema:
        """Returns the schema of a JSON object."""
        required = [each.name for each in self if each.required]
        return {**_object({each.name: each.in_json() for each in self}, required), **self.rule}

    def in_form(self) -> Schema:
        """Returns the schema of a form."""
        properties = {f"{each.name}[]" if each.several else each.name: each.in_form() for each in self}
        if self.file:
            properties["file"] = {"type": "string", "format": "binary", "minLength": 1, "description": self.file}
        return {**_object(properties, ["file"] if self.file else []), **self.rule}


def of(operation: Operation, sound: str = EITHER) -> Parameters:
    """Returns an operation's fields for a kind of sound, as parameters."""
    return Parameters(*(_of(operation.fields[name], name, own) for name, own in operation.taken("http", sound).items()))


def options_of(operation: Operation, given: Mapping[str, Any]) -> JsonObject:
    """Returns the operation's fields among checked values; empty texts count as left out."""
    names = {name: own.name or name for name, own in operation.taken("http").items()}
    return {name: given[own] if given[own] != "" else None for name, own in names.items() if own in given}


def _of(field: Field, name: str, own: Name) -> Parameter:
    return value(own.name or name, own.about, own.kind or field.kind)


def value(name: str, about: str, kind: Kind) -> Parameter:
    """Returns a parameter of a kind; JSON may also send numbers and booleans as text, and an empty text means left
    out."""
    if kind.form["type"] == "boolean":
        return flag(name, about)
    if kind.form["type"] == "string":
        return Parameter(name, about, lambda data, name: fields.value(data, name, kind) or "", kind.form)
    return Parameter(name, about, partial(fields.value, kind=kind), kind.form, (_NUMBER, _NOTHING))


def text(name: str, about: str) -> Parameter:
    """Returns a parameter for any text."""
    return value(name, about, kinds.text())


def flag(name: str, about: str) -> Parameter:
    """Returns a boolean parameter, which JSON may also send as text."""
    return Parameter(
        name, about, fields.flag, {"anyOf": [{"type": "boolean"}, {"enum": ["1", "0", ""]}]}, (_FLAG, _NOTHING)
    )


def choice(name: str, choices: Sequence[str], default: str, about: str) -> Parameter:
    """Returns a parameter with several choices; an empty text means the default."""

    def check(data: Fields, name: str) -> str:
        return fields.choice(data, name, choices, default)

    return Parameter(name, about, check, {"enum": [*choices, ""], "default": default})


def texts(name: str, about: str) -> Parameter:
    """Returns a parameter for a text or a list of texts."""
    return Parameter(name, about, fields.texts, _several(_TEXT), several=True)


def subset(name: str, choices: Sequence[str], about: str) -> Parameter:
    """Returns a parameter for a subset of `choices`."""

    def check(data: Fields, name: str) -> set[str]:
        return fields.subset(data, name, choices)

    return Parameter(name, about, check, _several({"enum": [*choices, ""]}), several=True)


def record(name: str, about: str) -> Parameter:
    """Returns a parameter for an object."""
    return Parameter(name, about, fields.record, {"type": "object"})


def _several(item: Schema) -> Schema:
    return {"anyOf": [{"type": "array", "items": item}, item]}


def _object(properties: Mapping[str, Schema], required: Sequence[str]) -> Schema:
    schema: JsonObject = {"type": "object", "properties": properties}
    return schema | ({"required": list(required)} if required else {})
