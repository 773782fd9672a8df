"""The configuration file: TOML to `Settings`, strictly, so that a typing error is an error and not a silent default."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from hushd_protocol import duration
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import nearest

from hushd_supervisor.core.names import ENGINES, ROLES
from hushd_supervisor.core.settings import Settings, WorkerSettings

from .log import LEVELS

if TYPE_CHECKING:
    from hushd_models.catalogue import Known

# Of the keys that are floats, those that are lengths of time; the others are numbers.
_TIMES = ("drain_timeout", "exit_when_idle", "keep_alive", "max_age", "stall_timeout", "start_timeout")
_ENGINE_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*/[A-Za-z0-9][A-Za-z0-9._+-]*")


def load(path: Path) -> Settings:
    """The settings in the file at `path`; the defaults when there is none.

    Raises:
        HushdError: `bad_request`, naming the file and the key, when it cannot be read or says what makes no sense.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except UnicodeDecodeError:
        raise HushdError("bad_request", f"{path} is not UTF-8.") from None
    except OSError as error:
        raise HushdError("bad_request", f"{path} cannot be read ({error.strerror}).") from error
    import tomllib  # not needed by most

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise HushdError("bad_request", f"{path} is not TOML: {error}.") from error
    return _Reader(path).settings(table)


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path

    def settings(self, table: Mapping[str, Any]) -> Settings:
        values: dict[str, Any] = {}
        known = {field.name: getattr(Settings(), field.name) for field in fields(Settings)}
        for key, value in table.items():
            if key not in known:
                self._unknown(key, key, known)
            elif key == "worker":
                values[key] = self._workers(value)
            elif key == "models":
                values[key] = self._models(value)
            else:
                values[key] = self._value(key, value, known[key])
        for role in (*ENGINES, *(f"{role}_small" for role in ENGINES)):
            model = values.get(role, known[role])
            if not _ENGINE_MODEL.fullmatch(model) and model != known[role]:
                self._wrong(role, 'an engine and a model, such as "moonshine/tiny-en"', model)
        if values.get("log_level", "info") not in LEVELS:
            self._wrong("log_level", f"one of {', '.join(LEVELS)}", values["log_level"])
        return Settings(**values)

    def _workers(self, table: object) -> dict[str, dict[str, Any]]:
        """`[worker]` is for all, `[worker."stt/moonshine"]` inside it for those whose name begins so."""
        if not isinstance(table, dict):
            self._wrong("worker", "a table", table)
        names = [field.name for field in fields(WorkerSettings)]
        found = {"": self._worker("worker", {key: value for key, value in table.items() if key in names})}
        for key, value in table.items():
            if key in names:
                continue
            where = f"worker.{_quoted(key)}"
            role, *rest = key.split("/")
            if role not in ROLES or len(rest) > 2 or "" in rest:
                self._unknown(where, key, [*names, *ROLES])
            if not isinstance(value, dict):
                self._wrong(where, "a table", value)
            found[key] = self._worker(where, value)
        return {name: values for name, values in found.items() if values}

    def _models(self, table: object) -> Mapping[str, Known]:
        from hushd_models import user_models  # not needed by most

        try:
            return user_models.checked(table)
        except HushdError as error:
            raise HushdError("bad_request", f"{self._path}: {error.message}") from error

    def _worker(self, where: str, table: Mapping[str, Any]) -> dict[str, Any]:
        known = {field.name: getattr(WorkerSettings(), field.name) for field in fields(WorkerSettings)}
        values = {}
        for key, value in table.items():
            if key not in known:
                self._unknown(f"{where}.{_quoted(key)}", key, known)
            values[key] = self._value(f"{where}.{key}", value, known[key])
        return values

    def _value(self, where: str, value: object, default: object) -> Any:
        """`value` as the type of `default`."""
        key = where.rpartition(".")[2]
        match default:
            case bool():
                if not isinstance(value, bool):
                    self._wrong(where, "true or false", value)
            case int():
                if not isinstance(value, int) or isinstance(value, bool):
                    self._wrong(where, "a whole number", value)
                if value < 0 and key != "priority":
                    self._wrong(where, "0 or more", value)
            case float() if key in _TIMES:
                seconds = duration.parse(value)
                if seconds is None:
                    self._wrong(where, 'seconds or a duration such as "90s", "5m", "1h30m"', value)
                if seconds < 0 and key != "keep_alive":
                    self._wrong(where, "0 or more", value)
                return seconds
            case float():
                if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
                    self._wrong(where, "a number, 0 or more", value)
                return float(value)
            case str():
                if not isinstance(value, str):
                    self._wrong(where, "a string", value)
            case tuple():
                if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                    self._wrong(where, 'a list of strings, such as ["python", "/home/me/worker.py"]', value)
                return tuple(value)
            case dict():
                if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
                    self._wrong(where, "a table of strings", value)
        return value

    def _wrong(self, where: str, wanted: str, value: object) -> NoReturn:
        raise HushdError("bad_request", f"{self._path}: {where} must be {wanted}, not {value!r:.60}.")

    def _unknown(self, where: str, key: str, known: Iterable[str]) -> NoReturn:
        close = nearest(key, known)
        hint = f"did you mean {close}?" if close else f"known are {', '.join(sorted(known))}."
        raise HushdError("bad_request", f"{self._path}: there is no key {where}: {hint}")


def _quoted(key: str) -> str:
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else f'"{key}"'
