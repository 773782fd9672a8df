"""The declaration of a setting, beside the type of its field."""

from __future__ import annotations

from typing import Any, NamedTuple, get_type_hints

from hushd_schema.kinds import Kind, plain

# Times when a reload applies a setting:
AT_ONCE = "at once"
REPLACES = "by a new process, once the running jobs have ended"


class Setting(NamedTuple):
    """The declaration of a setting, besides its name, its type and its default.

    Attributes:
        help: its help in the reference, after the default.
        document: a document in `docs` that says more; or empty.
        reload: when a reload applies it, one of the two above.
        kind: the type that it annotates.
    """

    help: str
    document: str = ""
    reload: str = AT_ONCE
    kind: Kind = None


class Table(NamedTuple):
    """The declaration of a table of settings: its help, its document and, as `kind`, its class."""

    help: str
    document: str = ""
    kind: Any = None


def settings_of(kind: type) -> dict[str, Setting]:
    """Returns the settings of a table by name, in order."""
    return {name: each._replace(kind=hint) for name, hint, each in _declared(kind) if isinstance(each, Setting)}


def tables_of(kind: type) -> dict[str, Table]:
    """Returns the tables within a table, likewise."""
    return {name: each._replace(kind=plain(hint)) for name, hint, each in _declared(kind) if isinstance(each, Table)}


def _declared(kind: type) -> list[tuple[str, Kind, Any]]:
    hints = get_type_hints(kind, include_extras=True)
    return [(name, hint, hint.__metadata__[-1]) for name, hint in hints.items()]
