"""Converts answers between frozen dataclasses and maps; the other side may be an older or a newer hushd.

A key that the class does not have is ignored. A missing key, as from an older supervisor, gets the field's default, or
else the empty value of its kind: None, 0, an empty text, no rows. A value of another kind than the field's is a
`HushdError`. In the other direction, fields that have their default are left out.
"""

from __future__ import annotations

import functools
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_type_hints

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import quoted

if TYPE_CHECKING:
    from dataclasses import Field

_REQUIRED = object()  # the default of a field that is always written: equals no value


class Record:
    """The base class; fields are texts, numbers, flags, records, and tuples and maps of these.
    `SENDER`: whose answer it is, and what helps if it cannot be read."""

    __slots__ = ()
    SENDER: ClassVar = ("supervisor", "`hushd restart` starts one of this version")

    @classmethod
    def from_data(cls, data: object, about: str = "") -> Self:
        """Reads the output of `data()`. Raises `protocol_error` for a value of the wrong kind.
        `about`: its name in an error; by default its sender's answer."""
        try:
            return typing.cast(Self, _read(cls, data))
        except _Misfit as misfit:
            where = f"its {'.'.join(reversed(misfit.path))} is" if misfit.path else "it is"
            sender, remedy = cls.SENDER
            name, end = (about, "") if about else (f"The {sender}'s answer", f": {remedy}")
            sentence = f"{name} cannot be read, for {where} {quoted(misfit.value)}{end}."
            raise HushdError("protocol_error", sentence) from None

    @classmethod
    def like(cls, source: object, **changes: object) -> Self:
        """Makes a record of the attributes of `source` that are called as its fields, and of `changes`."""
        shared = {name: getattr(source, name) for name, _ in _written(cls) if hasattr(source, name)}
        return cls(**{**shared, **changes})

    def data(self) -> JsonObject:
        """Returns the record as maps and lists, in the order of its fields: the form to send, or to print as JSON."""
        written = {}
        kind = type(self)
        if kind not in _WRITTEN:
            _WRITTEN[kind] = _written(kind)
        for name, default in _WRITTEN[kind]:
            value = getattr(self, name)
            if value != default:
                written[name] = value if type(value) in _SCALARS else _plain(value)
        return written


class OfWorker(Record):
    """The base class of what a worker answers."""

    __slots__ = ()
    SENDER = ("worker", "`hushd unload` ends it, and the next request starts another")


class _Misfit(Exception):
    """A `value` of the wrong kind; `path` has its keys, the innermost first."""

    def __init__(self, value: object) -> None:
        self.value = value
        self.path: list[str] = []


Reader = Callable[[Any], Any]
_SCALARS = frozenset((str, int, float, bool, types.NoneType))


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.data()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


_WRITTEN: dict[type[Record], tuple[tuple[str, object], ...]] = {}
_READ: dict[type[Record], tuple[tuple[str, Callable[[], Any], Reader], ...]] = {}


def _written(kind: type[Any]) -> tuple[tuple[str, object], ...]:
    """Returns the fields' names and defaults."""
    return tuple((field.name, _default(field)) for field in fields(kind))


def _default(field: Field[Any]) -> object:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return _REQUIRED if field.default is MISSING else field.default


def _read(kind: type[Record], data: object) -> Record:
    if not isinstance(data, Mapping):
        raise _Misfit(data)
    if kind not in _READ:
        _READ[kind] = _fields(kind)
    known = {}
    for name, default, reader in _READ[kind]:
        value = data.get(name, _REQUIRED)
        known[name] = default() if value is _REQUIRED else _at(name, reader, value)
    return kind(**known)


def _at(key: object, reader: Reader, value: object) -> Any:
    """Reads `value`; adds `key` to the path of a misfit."""
    try:
        return reader(value)
    except _Misfit as misfit:
        misfit.path.append(str(key)[:60].encode("unicode_escape").decode())
        raise


def _fields(kind: type[Any]) -> tuple[tuple[str, Callable[[], Any], Reader], ...]:
    """Returns the name of each field, a function for its missing value, and a function that reads it."""
    known, hints = [], get_type_hints(kind)
    for field in fields(kind):
        nothing, reader = _kind(hints[field.name])
        default = _default(field)
        make = nothing if default is _REQUIRED else functools.partial(_same, default)
        known.append((field.name, make, reader))
    return tuple(known)


def _same(value: Any) -> Any:
    return value


def _kind(hint: Any) -> tuple[Callable[[], Any], Reader]:
    """Returns a function for the empty value of an annotation, and a function that reads a value."""
    if isinstance(hint, types.UnionType):
        (inner,) = (arm for arm in typing.get_args(hint) if arm is not types.NoneType)
        reader = _kind(inner)[1]
        return lambda: None, lambda value: None if value is None else reader(value)
    origin, arguments = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin is tuple:
        item = _kind(arguments[0])[1]
        return tuple, lambda value: tuple(_at(at, item, each) for at, each in enumerate(_of(value, list, tuple)))
    if origin is Mapping:
        item = _kind(arguments[1])[1]
        return dict, lambda value: {_of(key, str): _at(key, item, each) for key, each in _of(value, dict).items()}
    if origin is float:
        return float, _number
    if origin in (str, int, bool):
        return origin, lambda value: _of(value, origin)
    if isinstance(origin, type) and issubclass(origin, Record):
        return lambda: _read(origin, {}), lambda value: _read(origin, value)
    raise TypeError(f"a record has no rule for {hint!r}")


def _of(value: Any, *kinds: type) -> Any:
    if type(value) not in kinds:
        raise _Misfit(value)
    return value


def _number(value: Any) -> Any:
    try:
        finite = type(value) in (int, float) and math.isfinite(value)
    except OverflowError:  # an int that no float can hold
        finite = False
    if not finite:
        raise _Misfit(value)
    return float(value)
