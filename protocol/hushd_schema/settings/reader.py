"""Reads the configuration file into `Settings`, strictly, so that a typing error never becomes a silent default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from hushd_protocol.errors import HushdError
from hushd_protocol.names import ROLES
from hushd_protocol.suggest import did_you_mean

from hushd_schema import toml
from hushd_schema.kinds import Kind, check
from hushd_schema.toml import Table

from .declaration import Setting, settings_of, tables_of
from .reference import CALLED, suggestion
from .tables import Settings, WorkerSettings


class Reader:
    """Reads the tables of the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, table: Mapping[str, Any]) -> Settings:
        """Returns the settings in `table`. Raises `bad_request`, naming the file and the key."""
        values: Table = {}
        known, tables = settings_of(Settings), tables_of(Settings)
        for key, value in table.items():
            if key in known:
                values[key] = self._check(key, value, known[key].kind)
            elif key == "worker":
                values[key] = self._workers(value)
            elif key in tables:
                table_class = tables[key].kind
                values[key] = table_class(**self._values(key, value, settings_of(table_class)))
            else:
                self._unknown(toml.key(key), key, [*known, *tables])
        return Settings(**values)

    def _workers(self, table: object) -> dict[str, Table]:
        """Reads `[worker]`, for all workers, and `[worker."stt/moonshine"]`, for workers whose names begin so."""
        tables: Table = self._check("worker", table, Table)
        known = settings_of(WorkerSettings)
        every = {key: value for key, value in tables.items() if key in known}
        workers = {"": self._values("worker", every, known)}
        for name, content in tables.items():
            if name in known:
                continue
            where = f"worker.{toml.key(name)}"
            role, *rest = name.split("/")
            if role not in ROLES or len(rest) > 2 or "" in rest:
                self._unknown(where, name, [*known, *ROLES])
            workers[name] = self._values(where, content, known)
        return {name: values for name, values in workers.items() if values}

    def _values(self, where: str, table: object, known: Mapping[str, Setting]) -> Table:
        """Checks the values in `table` by the settings in `known`, and returns them."""
        values = {}
        for key, value in self._check(where, table, Table).items():
            if key not in known:
                self._unknown(f"{where}.{toml.key(key)}", key, known)
            values[key] = self._check(f"{where}.{key}", value, known[key].kind)
        return values

    def _check(self, where: str, value: object, kind: Kind) -> Any:
        try:
            return check(where, value, kind)
        except HushdError as error:
            raise HushdError("bad_request", f"{self._path}: {error.message}") from error

    def _unknown(self, where: str, key: str, known: Iterable[str]) -> NoReturn:
        hint = did_you_mean(CALLED.get(key, key), known) or suggestion(key) or f": known are {', '.join(sorted(known))}"
        raise HushdError("bad_request", f"{self._path}: there is no key {where}{hint}.")
