"""The declaration of a setting, as the field of a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, fields
from typing import Any, NamedTuple, TypeVar

from hushd_schema.kinds import Kind

T = TypeVar("T")

# Times when a reload applies a setting:
AT_ONCE = "at once"
REPLACES = "by a new process, once the running jobs have ended"


class Setting(NamedTuple):
    """The declaration of a setting, besides its name and its default.

    Attributes:
        help: its help in the reference, after the default.
        document: a document in `docs` that says more; or empty.
        reload: when a reload applies it, one of the three above.
    """

    kind: Kind
    help: str
    document: str = ""
    reload: str = AT_ONCE


class Table(NamedTuple):
    """The declaration of a table: its class, its help and its document."""

    make: Callable[..., Any]
    help: str
    document: str = ""


def setting(default: T, kind: Kind, help: str, *, document: str = "", reload: str = AT_ONCE) -> T:
    """Declares a setting as a field of a table, see `Setting`."""
    metadata = {"setting": Setting(kind, help, document, reload)}
    declared: Any = field(default=default, metadata=metadata)
    if isinstance(default, dict):
        declared = field(default_factory=dict, metadata=metadata)
    return declared  # type: ignore[no-any-return]


def table(make: Callable[..., T], help: str, document: str = "") -> T:
    """Declares a table of settings as a field of `Settings`."""
    declared: Any = field(default_factory=make, metadata={"table": Table(make, help, document)})
    return declared  # type: ignore[no-any-return]


def settings_of(kind: type) -> dict[str, Setting]:
    """Returns the settings of a table by name, in order."""
    return {each.name: each.metadata["setting"] for each in fields(kind) if "setting" in each.metadata}


def tables_of(kind: type) -> dict[str, Table]:
    """Returns the tables within a table, likewise."""
    return {each.name: each.metadata["table"] for each in fields(kind) if "table" in each.metadata}
