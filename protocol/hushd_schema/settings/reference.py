"""Lists all settings with their values, for `hushd config show` and completion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hushd_protocol import JsonObject
from hushd_protocol.suggest import nearest

from hushd_schema.kinds import literals, plain

from .declaration import settings_of, tables_of
from .tables import DEFAULTS, Settings, WorkerSettings

CALLED = {"idle_timeout": "keep_alive"}  # settings by the names of other programs


def rows(settings: Settings) -> list[JsonObject]:
    """Returns a row of `hushd config show` for each setting: the `path` of its key, its `value`, and its `default`."""
    listed = [*_table((), settings, DEFAULTS)]
    for name in tables_of(Settings):
        if name != "worker":
            listed += _table((name,), getattr(settings, name), getattr(DEFAULTS, name))
    return [*listed, *_workers(settings.worker)]


def words(path: Sequence[str]) -> tuple[Any, ...]:
    """Returns what a setting may be, where that is one of some words. Raises LookupError for no setting."""
    *table, name = path
    declared: Any = WorkerSettings if table[:1] == ["worker"] else Settings
    if table and declared is Settings:
        declared = tables_of(Settings)[table[0]].kind
    kind = settings_of(declared)[name].kind
    return ("true", "false") if plain(kind) is bool else literals(kind)


def suggestion(key: str) -> str:
    """Returns ` (did you mean TABLE.KEY?)` for the name of a setting in any table; empty if no name is close."""
    names = {row["path"][-1]: ".".join(row["path"]) for row in reversed(rows(DEFAULTS))}
    close = nearest(CALLED.get(key, key), names)
    return f" (did you mean {names[close]}?)" if close else ""


def _table(path: tuple[str, ...], settings: object, defaults: object) -> Iterator[JsonObject]:
    for name in settings_of(type(defaults)):
        yield _row((*path, name), getattr(settings, name), getattr(defaults, name))


def _workers(tables: Mapping[str, Mapping[str, Any]]) -> Iterator[JsonObject]:
    """Yields the settings for all workers, then only the settings that the tables of some workers set."""
    usual, every = WorkerSettings(), tables.get("", {})
    for name in settings_of(WorkerSettings):
        default = getattr(usual, name)
        yield _row(("worker", name), every.get(name, default), default)
    for worker, table in tables.items():
        if worker:
            for key, value in table.items():
                yield _row(("worker", worker, key), value, every.get(key, getattr(usual, key)))


def _row(path: tuple[str, ...], value: Any, default: Any) -> JsonObject:
    return {"path": path, "value": value, "default": default}
