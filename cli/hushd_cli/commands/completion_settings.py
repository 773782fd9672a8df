"""The settings that a shell completes, and what each may be."""

from __future__ import annotations

from typing import Any

from hushd_protocol.system import paths
from hushd_schema.kinds import literals, plain
from hushd_schema.settings import load
from hushd_schema.settings.declaration import settings_of, tables_of
from hushd_schema.settings.reference import rows
from hushd_schema.settings.tables import Settings, WorkerSettings


def keys() -> list[tuple[str, str]]:
    """Returns the names of all settings."""
    return [(".".join(row["path"]), "") for row in rows(load(paths.find().config))]


def values(key: str) -> list[tuple[str, str]]:
    """Returns what the setting `key` may be, where that is one of some words. Raises LookupError for no setting."""
    *table, name = key.split(".")
    declared: Any = WorkerSettings if table[:1] == ["worker"] else Settings
    if table and declared is Settings:
        declared = tables_of(Settings)[table[0]].kind
    kind = settings_of(declared)[name].kind
    words = ("true", "false") if plain(kind) is bool else literals(kind)
    return [(str(word), "") for word in words]
