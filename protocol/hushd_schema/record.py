"""Converts answers between frozen structs and maps; the other side may be an older or a newer hushd.

A key that the class does not have is ignored. A missing key, as from an older supervisor, gets the field's default, or
else the empty value of its kind: None, 0, an empty text, no rows. A value of another kind than the field's is a
`HushdError`. In the other direction, fields that have their default are mostly left out.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import UnionType
from typing import Any, ClassVar, Self, Union, get_args, get_origin, get_type_hints

import msgspec
from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import quoted
from hushd_protocol.values import misfit


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The base class; fields are texts, numbers, flags, records, and tuples and maps of these.
    `SENDER`: whose answer it is, and what helps if it cannot be read."""

    SENDER: ClassVar = ("supervisor", "`hushd restart` starts one of this version")

    @classmethod
    def from_data(cls, data: object, about: str = "") -> Self:
        """Reads the output of `data()`. Raises `protocol_error` for a value of the wrong kind.
        `about`: its name in an error; by default its sender's answer."""
        try:
            return msgspec.convert(_whole(cls, data), cls)
        except msgspec.ValidationError as error:
            wrong = misfit(error)
            its = f"its {'.'.join(wrong.path)}" if wrong.path else "it"
            why = f"{its} must be {wrong.must_be}, not {quoted(wrong.found(data))}"
            sender, remedy = cls.SENDER
            name, end = (about, "") if about else (f"The {sender}'s answer", f": {remedy}")
            raise HushdError("protocol_error", f"{name} cannot be read, for {why}{end}.") from None

    @classmethod
    def like(cls, source: object, **changes: object) -> Self:
        """Makes a record of the attributes of `source` that are called as its fields, and of `changes`."""
        shared = {name: getattr(source, name) for name in cls.__struct_fields__ if hasattr(source, name)}
        return cls(**{**shared, **changes})

    def data(self) -> JsonObject:
        """Returns the record as maps and lists, in the order of its fields: the form to send, or to print as JSON."""
        data: JsonObject = msgspec.msgpack.decode(msgspec.msgpack.encode(self))
        return data


class OfWorker(Record, frozen=True, kw_only=True):
    """The base class of what a worker answers."""

    SENDER: ClassVar = ("worker", "`hushd unload` ends it, and the next request starts another")


def _whole(hint: Any, value: Any) -> Any:
    """Returns the data of a record, or of what has records in it, with the empty values of missing keys."""
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, UnionType):  # of a type and None
        return value if value is None else _whole(inner[0], value)
    if kind is tuple and isinstance(value, list | tuple):
        return [_whole(inner[0], each) for each in value]
    if not (isinstance(kind, type) and issubclass(kind, Record) and isinstance(value, Mapping)):
        return value
    hints, required = _fields(kind)
    missing = {name: _nothing(hints[name]) for name in required if name not in value}
    return missing | {name: _whole(hints[name], each) for name, each in value.items() if name in hints}


def _nothing(hint: Any) -> Any:
    kind = get_origin(hint) or hint
    if kind in (Union, UnionType):
        return None
    return _whole(kind, {}) if issubclass(kind, Record | Mapping) else kind()


@functools.cache
def _fields(kind: type[Record]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Returns the types of a record's fields, and the names of those without a default."""
    return get_type_hints(kind), tuple(each.name for each in msgspec.structs.fields(kind) if each.required)
