"""An operation that may be asked, and its fields: each with its kind and its names wherever people and programs ask.

The workers' checks, the command line, HTTP, MCP and the reference in the documents are derived from these.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from hushd_protocol import JsonObject

from . import kinds
from .kinds import Kind

EITHER, RECORDED, LIVE = "either", "recorded", "live"  # kinds of sound


class Option(NamedTuple):
    """A field at the command line.

    Attributes:
        flags: its spellings; none: the field's name.
        help: what it does; empty: what the field is about.
        group: the part of the help in which it stands; the command knows its parts.
        kind: what it takes, where that is narrower than in a request.
        must_be: `Kind.must_be`, where a text is written in another way.
        none: what the word None stands for, as with openai-whisper; without it, None is refused like any other word.
    """

    flags: tuple[str, ...] = ()
    help: str = ""
    metavar: str | None = None
    group: str = ""
    kind: Kind | None = None
    must_be: str = ""
    none: Any = NotImplemented


class Name(NamedTuple):
    """A field in a protocol of others.

    Attributes:
        about: the description that its programs read; empty in a protocol without descriptions.
        name: where the field has another there; with a stop for each object that it lies in.
        kind: what it takes there, where that is narrower.
        default: the value of a field that is left out there.
    """

    about: str
    name: str = ""
    kind: Kind | None = None
    default: Any = None


class Field(NamedTuple):
    """A parameter of an operation.

    Attributes:
        about: its row in the reference, docs/PROTOCOL.md.
        default: the value of one that is left out; None where the engine or the recording decides.
        sound: the kind of sound that it is for.
        by_engine: whether some engines do without it.
        option, http, mcp, wyoming: its names elsewhere.
    """

    kind: Kind
    about: str
    default: Any = None
    sound: str = EITHER
    by_engine: bool = False
    option: Option | None = None
    http: Name | None = None
    mcp: Name | None = None
    wyoming: Name | None = None


class Operation(NamedTuple):
    """An operation.

    Attributes:
        needed: the fields that may not be left out.
    """

    name: str
    fields: Mapping[str, Field]
    needed: tuple[str, ...] = ()

    def read(self, given: Mapping[str, Any]) -> JsonObject:
        """Returns the parameters that are given, checked; one that is None counts as left out.

        Raises:
            HushdError: `bad_request`, naming the parameter and what it may be.
        """
        return kinds.read(given, {name: field.kind for name, field in self.fields.items()}, self.name, self.needed)

    def defaults(self) -> JsonObject:
        """Returns the value that counts where none is given."""
        return {name: field.default for name, field in self.fields.items()}

    def by_engine(self) -> tuple[str, ...]:
        """Returns the fields that an engine may or may not use."""
        return tuple(name for name, field in self.fields.items() if field.by_engine)

    def taken(self, protocol: str, sound: str = EITHER) -> dict[str, Name]:
        """Returns the names in a protocol of the fields that a kind of sound has, by the fields'.

        Args:
            protocol: `http`, `mcp` or `wyoming`.
        """
        able = (EITHER, sound) if sound != EITHER else (EITHER, RECORDED, LIVE)
        names = {name: getattr(field, protocol) for name, field in self.fields.items() if field.sound in able}
        return {field: name for field, name in names.items() if name is not None}

    def option(self, name: str) -> Option:
        """Returns the option of a field, with all that follows from the field."""
        field = self.fields[name]
        assert field.option is not None
        flags = field.option.flags or (f"--{name.replace('_', '-')}",)
        return field.option._replace(
            flags=flags, help=field.option.help or field.about, kind=field.option.kind or field.kind
        )

    def options(self, *groups: str) -> dict[str, Option]:
        """Returns the options of these parts of a command's help, by the names of their fields."""
        known = {name: field.option for name, field in self.fields.items()}
        return {name: option for name, option in known.items() if option is not None and option.group in groups}


def fields(options: type) -> dict[str, Field]:
    """Returns the fields that the annotations of a TypedDict hold."""
    return {name: hint.__metadata__[0] for name, hint in options.__annotations__.items()}


def given(operation: str, options: Mapping[str, Any], known: Collection[str]) -> JsonObject:
    """Returns the options of an operation as a request carries them, without those that are left out.

    Raises:
        TypeError: for a name that is none of the `known` options.
    """
    if unknown := [name for name in options if name not in known]:
        raise TypeError(f"{operation} has no option {unknown[0]!r}: it takes {', '.join(known)}")
    return {name: value for name, value in options.items() if value is not None and value is not False}


def documented(about: str | None, operation: Mapping[str, Field]) -> str:
    """Returns the docstring of a TypedDict with these fields."""
    rows = "\n".join(f"        {name}: {field.about}." for name, field in operation.items())
    return f"{about}\n\n    Attributes:\n{rows}\n    "


def reference(operation: Operation) -> str:
    """Returns the table of an operation's parameters, in Markdown."""
    rows = "".join(f"| `{name}` | {field.about} |\n" for name, field in operation.fields.items())
    return f"| parameter | meaning |\n|---|---|\n{rows}"
