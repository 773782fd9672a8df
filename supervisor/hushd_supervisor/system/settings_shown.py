"""All settings with their values and defaults, for `hushd config show`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from hushd_supervisor.core.settings import HttpSettings, RemoteSettings, Settings, WorkerSettings, WyomingSettings

_TABLES = {"http": HttpSettings(), "wyoming": WyomingSettings(), "remote": RemoteSettings()}


def rows(settings: Settings) -> list[dict[str, Any]]:
    """A row for each setting: the `path` of its key, its `value`, and its `default`."""
    usual = Settings()
    plain = [field.name for field in fields(Settings) if field.name not in (*_TABLES, "worker")]
    found = [_row((name,), getattr(settings, name), getattr(usual, name)) for name in plain]
    for name, defaults in _TABLES.items():
        found += _table(name, getattr(settings, name), defaults)
    return [*found, *_workers(settings.worker)]


def _table(name: str, settings: Any, defaults: Any) -> Iterator[dict[str, Any]]:
    for field in fields(defaults):
        if field.name != "only":
            yield _row((name, field.name), getattr(settings, field.name), getattr(defaults, field.name))
    for address, models in getattr(settings, "only", {}).items():
        yield from (_row((name, address, role), model, "") for role, model in models.items())


def _workers(tables: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The settings of all workers, then those of some, of which only what is set is shown."""
    usual, every = WorkerSettings(), tables.get("", {})
    for field in fields(WorkerSettings):
        default = getattr(usual, field.name)
        yield _row(("worker", field.name), every.get(field.name, default), default)
    for name, table in tables.items():
        if name:
            for key, value in table.items():
                yield _row(("worker", name, key), value, every.get(key, getattr(usual, key)))


def _row(path: tuple[str, ...], value: Any, default: Any) -> dict[str, Any]:
    return {"path": path, "value": value, "default": default}
