"""Lists all settings with their values and defaults, for `hushd config show`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hushd_protocol import JsonObject

from .declaration import settings_of, tables_of
from .tables import DEFAULTS, Settings, WorkerSettings


def rows(settings: Settings) -> list[JsonObject]:
    """Returns a row for each setting: the `path` of its key, its `value`, and its `default`."""
    listed = [*_table((), settings, DEFAULTS)]
    for name in tables_of(Settings):
        if name != "worker":
            listed += _table((name,), getattr(settings, name), getattr(DEFAULTS, name))
    for address, models in settings.wyoming.only.items():
        listed += (_row(("wyoming", address, role), model, "") for role, model in models.items())
    for name, neighbour in settings.neighbours.items():
        unset = type(neighbour)()
        listed += (_hidden(row) for row in _table(("neighbours", name), neighbour, unset))
    return [*listed, *_workers(settings.worker)]


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


def _hidden(row: JsonObject) -> JsonObject:
    """The row without its value where that is a secret."""
    return {**row, "value": "(secret)"} if row["path"][-1] == "token" and row["value"] else row


def _row(path: tuple[str, ...], value: Any, default: Any) -> JsonObject:
    return {"path": path, "value": value, "default": default}
