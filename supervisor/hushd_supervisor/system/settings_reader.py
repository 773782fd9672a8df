"""The tables of the configuration file to `Settings`, strictly, so that a typing error is not a silent default."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from hushd_models import toml
from hushd_models.params import Kind, check, choice, flag, number, seconds, text, text_table, texts, whole
from hushd_protocol import duration
from hushd_protocol.errors import HushdError
from hushd_protocol.names import COMPUTE_DEVICES, NAME, is_compute_device
from hushd_protocol.suggest import did_you_mean
from hushd_protocol.system.log_lines import FORMATS

from hushd_supervisor.core.names import ENGINES, ROLES
from hushd_supervisor.core.settings import (
    STDIO,
    HttpSettings,
    RemoteSettings,
    Settings,
    WorkerSettings,
    WyomingSettings,
)

from .log import LEVELS

# Of the keys that are floats, those that are lengths of time; the others are numbers.
_TIMES = ("drain_timeout", "exit_when_idle", "gateway_idle", "keep_alive", "max_age", "stall_timeout", "start_timeout")
_ENGINE_MODEL = re.compile(f"{NAME}/{NAME}", re.ASCII)
_MODEL = Kind(
    'an engine and a model, such as "moonshine/tiny-en"',
    lambda value: isinstance(value, str) and _ENGINE_MODEL.fullmatch(value) is not None,
)
_ENGINE = Kind(
    'a list of roles and engines, such as ["tts/hibari", "stt/moonshine"]',
    lambda value: (
        isinstance(value, str) and value.partition("/")[0] in ENGINES and _ENGINE_MODEL.fullmatch(value) is not None
    ),
)
_DEVICE = Kind(COMPUTE_DEVICES, lambda value: isinstance(value, str) and is_compute_device(value))
_FALLBACK = Kind(
    'cpu, or an engine and a model, such as "whisper/small"',
    lambda value: isinstance(value, str) and (value in ("", "cpu") or _ENGINE_MODEL.fullmatch(value) is not None),
)
_TABLE = Kind("a table", lambda value: isinstance(value, dict))


class SettingsReader:
    """Reads the tables of the file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, table: Mapping[str, Any]) -> Settings:
        """Returns the settings in `table`.

        Raises:
            HushdError: `bad_request`, naming the file and the key.
        """
        values: dict[str, Any] = {}
        known = {field.name: getattr(Settings(), field.name) for field in fields(Settings)}
        for key, value in table.items():
            if key == "models":
                self._check_models(value)
            elif key not in known:
                self._unknown(toml.key(key), key, [*known, "models"])
            elif key == "worker":
                values[key] = self._workers(value)
            elif key == "http":
                values[key] = HttpSettings(**self._values(key, value, HttpSettings()))
            elif key == "wyoming":
                values[key] = self._wyoming(value)
            elif key == "remote":
                values[key] = RemoteSettings(**self._values(key, value, RemoteSettings()))
            else:
                values[key] = self._value(key, value, known[key])
        for role in (*ENGINES, *(f"{role}_small" for role in ENGINES)):
            model = values.get(role, known[role])
            if model != known[role]:
                self._check(role, model, _MODEL)
        for engine in values.get("standby", ()):
            self._check("standby", engine, _ENGINE)
        self._check("log_level", values.get("log_level", "info"), choice(*LEVELS))
        self._check("log_format", values.get("log_format", "text"), choice(*FORMATS))
        return Settings(**values)

    def _workers(self, table: Any) -> dict[str, dict[str, Any]]:
        """`[worker]` is for all, `[worker."stt/moonshine"]` inside it for those whose name begins so."""
        table = self._check("worker", table, _TABLE)
        names = [field.name for field in fields(WorkerSettings)]
        found = {"": self._worker("worker", {key: value for key, value in table.items() if key in names})}
        for key, value in table.items():
            if key in names:
                continue
            where = f"worker.{toml.key(key)}"
            role, *rest = key.split("/")
            if role not in ROLES or len(rest) > 2 or "" in rest:
                self._unknown(where, key, [*names, *ROLES])
            found[key] = self._worker(where, self._check(where, value, _TABLE))
        return {name: values for name, values in found.items() if values}

    def _wyoming(self, table: Any) -> WyomingSettings:
        """`[wyoming]` is for all addresses, `[wyoming."tcp://HOST:PORT"]` inside it for one that it listens at.

        `[wyoming."stdio://"]` is for `hushd serve --wyoming stdio://`, which has no supervisor listen.
        """
        table = self._check("wyoming", table, _TABLE)
        listen = self._check("wyoming.listen", table.get("listen", []), texts())
        only = {address: table[address] for address in (*listen, STDIO) if address in table}
        rest = {key: value for key, value in table.items() if key not in only and key != "only"}
        for address, models in only.items():
            where = f"wyoming.{toml.key(address)}"
            for key, value in self._check(where, models, _TABLE).items():
                if key not in ENGINES:
                    self._unknown(f"{where}.{toml.key(key)}", key, ENGINES)
                self._check(f"{where}.{key}", value, _MODEL)
        settings = WyomingSettings(**self._values("wyoming", rest, WyomingSettings()), only=only)
        for role in ENGINES:
            if model := getattr(settings, role):
                self._check(f"wyoming.{role}", model, _MODEL)
        return settings

    def _check_models(self, table: object) -> None:
        """Checks the user's additions to the catalogue of models, which only the clients and the workers read."""
        from hushd_models import user_models  # not needed by most

        try:
            user_models.checked(table)
        except HushdError as error:
            raise HushdError("bad_request", f"{self._path}: {error.message}") from error

    def _worker(self, where: str, table: Mapping[str, Any]) -> dict[str, Any]:
        return self._values(where, table, WorkerSettings())

    def _values(
        self, where: str, table: object, defaults: WorkerSettings | HttpSettings | WyomingSettings | RemoteSettings
    ) -> dict[str, Any]:
        """Returns the values in `table`, which may have the keys of `defaults`."""
        known = {field.name: getattr(defaults, field.name) for field in fields(defaults)}
        values = {}
        for key, value in self._check(where, table, _TABLE).items():
            if key not in known:
                self._unknown(f"{where}.{toml.key(key)}", key, known)
            values[key] = self._value(f"{where}.{toml.key(key)}", value, known[key])
        return values

    def _value(self, where: str, value: object, default: object) -> Any:
        """Returns `value`, which must be of the type of `default`."""
        return self._check(where, value, _kind(where.rpartition(".")[2], default))

    def _check(self, where: str, value: object, kind: Kind) -> Any:
        try:
            return check(where, value, kind)
        except HushdError as error:
            raise HushdError("bad_request", f"{self._path}: {error.message}") from error

    def _unknown(self, where: str, key: str, known: Iterable[str]) -> NoReturn:
        hint = did_you_mean(key, known) or f": known are {', '.join(sorted(known))}"
        raise HushdError("bad_request", f"{self._path}: there is no key {where}{hint}.")


def _kind(key: str, default: object) -> Kind:
    match default:
        case bool():
            return flag()
        case int():
            return whole(-math.inf if key == "priority" else 0)
        case float() if key in _TIMES:
            return seconds(duration.FOREVER if key == "keep_alive" else 0)
        case float():
            return number(0)
        case tuple():
            return texts()
        case dict():
            return text_table()
    return {"compute_device": _DEVICE, "fallback": _FALLBACK}.get(key, text())
