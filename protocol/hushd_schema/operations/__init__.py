"""An operation that clients can request, and its fields, each with its kind and its names in every interface.

The workers' checks, the command line, HTTP, MCP and the reference in the documents are derived from these.
"""

import json
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Annotated, Any, NamedTuple, TypeAlias, get_args

from hushd_protocol import JsonObject
from msgspec import Meta

from hushd_schema import kinds
from hushd_schema.kinds import Kind

EITHER, RECORDED, LIVE = "either", "recorded", "live"  # kinds of audio
Extra: TypeAlias = Annotated[
    Mapping[str, Any], Meta(max_length=100)
]  # fields of no known name, for a program beyond hushd


class Option(NamedTuple):
    """A field at the command line.

    Attributes:
        flags: its spellings; empty: the field's name.
        help: its help; empty: the field's `about`.
        group: its section of the help; the command knows its sections.
        kind: its kind, if that is narrower than in a request.
        parse: reads its text, where that is more than a text, a number or a flag; raises ValueError for an invalid one.
        must_be: what its text must be, where that is more than its kind says.
        none: the value of the word None, as with openai-whisper; by default None is refused like any other word.
        repeated: whether it may be given again; its values, tables, are joined.
    """

    flags: tuple[str, ...] = ()
    help: str = ""
    metavar: str | None = None
    group: str = ""
    kind: Kind | None = None
    parse: Callable[[str], Any] | None = None
    must_be: str = ""
    none: Any = NotImplemented
    repeated: bool = False


class Name(NamedTuple):
    """A field in another protocol.

    Attributes:
        about: the description for its programs; empty in a protocol without descriptions.
        name: the field's name there, if that differs; dots separate the names of enclosing objects.
        kind: its kind there, if that is narrower.
        default: its default there.
    """

    about: str
    name: str = ""
    kind: Kind | None = None
    default: Any = None


class Field(NamedTuple):
    """A parameter of an operation.

    Attributes:
        about: its row in the reference, docs/PROTOCOL.md.
        default: its default; None if the engine or the recording decides.
        sound: the kind of audio that it is for.
        by_engine: whether some engines do not use it.
        option, http, mcp, wyoming: its form in other interfaces.
        kind: the type that it annotates, without None, which means that it is left out.
    """

    about: str
    default: Any = None
    sound: str = EITHER
    by_engine: bool = False
    option: Option | None = None
    http: Name | None = None
    mcp: Name | None = None
    wyoming: Name | None = None
    kind: Kind = None


class Operation(NamedTuple):
    """An operation. `needed`: the required fields."""

    name: str
    fields: Mapping[str, Field]
    needed: tuple[str, ...] = ()

    def read(self, given: Mapping[str, Any]) -> JsonObject:
        """Checks parameters; None counts as left out. Raises `bad_request`, naming the parameter and its kind."""
        return kinds.read(given, {name: field.kind for name, field in self.fields.items()}, self.name, self.needed)

    def defaults(self) -> JsonObject:
        return {name: field.default for name, field in self.fields.items()}

    def by_engine(self) -> tuple[str, ...]:
        """Returns the fields that some engines do not use."""
        return tuple(name for name, field in self.fields.items() if field.by_engine)

    def names_in(self, protocol: str, sound: str = EITHER) -> dict[str, Name]:
        """Returns the fields for a kind of audio with their form in a protocol, by field.
        `protocol`: `http`, `mcp` or `wyoming`."""
        able = (EITHER, sound) if sound != EITHER else (EITHER, RECORDED, LIVE)
        names = {name: getattr(field, protocol) for name, field in self.fields.items() if field.sound in able}
        return {field: name for field, name in names.items() if name is not None}

    def option(self, name: str) -> Option:
        """Returns the option of a field, completed from the field."""
        field = self.fields[name]
        assert field.option is not None
        flags = field.option.flags or (f"--{name.replace('_', '-')}",)
        return field.option._replace(
            flags=flags, help=field.option.help or field.about, kind=field.option.kind or field.kind
        )

    def options(self, *groups: str) -> dict[str, Option]:
        """Returns the options in these sections of a command's help, by field."""
        options = {name: field.option for name, field in self.fields.items()}
        return {name: option for name, option in options.items() if option is not None and option.group in groups}


def fields(options: type) -> dict[str, Field]:
    """Returns the fields in the annotations of a TypedDict."""
    return {name: _field(hint) for name, hint in options.__annotations__.items()}


def _field(hint: Kind) -> Field:
    alternatives = get_args(hint.__origin__)
    field: Field = hint.__metadata__[-1]
    return field._replace(kind=alternatives[0] if alternatives[1:] == (NoneType,) else hint)


def pair(text: str) -> JsonObject:
    """Reads KEY=VALUE, one of `Extra`, whose value is JSON or a text."""
    key, sign, value = text.partition("=")
    if not (key and sign):
        raise ValueError(text)
    try:
        return {key: json.loads(value)}
    except ValueError:
        return {key: value}


def given(operation: str, options: Mapping[str, Any], known: Mapping[str, Field]) -> JsonObject:
    """Returns the options of an operation in the form of a request, without those that are None, and without flags that
    are False, unless that says something: where somebody else decides about a flag that is left out.
    Raises TypeError for a name that is not one of the `known` options."""
    if unknown := [name for name in options if name not in known]:
        raise TypeError(f"{operation} has no option {unknown[0]!r}: it takes {', '.join(known)}")
    return {
        name: value
        for name, value in options.items()
        if value is not None and (value is not False or known[name].default is None)
    }


def documented(about: str | None, operation: Mapping[str, Field]) -> str:
    """Returns the docstring of a TypedDict with these fields."""
    rows = "\n".join(f"        {name}: {field.about}." for name, field in operation.items())
    return f"{about}\n\n    Attributes:\n{rows}\n    "
