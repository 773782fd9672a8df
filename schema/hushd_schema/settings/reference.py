"""Writes the reference of all settings: the TOML block with every default in docs/CONFIGURATION.md."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hushd_protocol import duration

from hushd_schema import toml

from .declaration import Setting, settings_of, tables_of
from .tables import DEFAULTS, Settings, WorkerSettings

_COLUMN = 27  # of the comments


def block() -> str:
    """Returns every setting with its default and its help, table by table."""
    lines = [*_lines(DEFAULTS)]
    for name, table in tables_of(Settings).items():
        defaults = WorkerSettings() if name == "worker" else getattr(DEFAULTS, name)
        lines += ["", _line(f"[{name}]", table.help, table.document), *_lines(defaults)]
    return "\n".join(lines) + "\n"


def written(value: Any) -> str:
    """Returns a value in TOML, a table in one line."""
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{toml.key(key)} = {written(entry)}" for key, entry in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(written, value))}]"
    return json.dumps(value, ensure_ascii=False)


def default(setting: Setting, value: Any) -> str:
    """Returns a default as people write it: a length of time with its unit."""
    return written(duration.shown(value) if setting.kind.form.get("format") == "duration" else value)


def _lines(defaults: object) -> Iterator[str]:
    for name, setting in settings_of(type(defaults)).items():
        yield _line(f"{name} = {default(setting, getattr(defaults, name))}", setting.help, setting.document)


def _line(text: str, help: str, document: str) -> str:
    return f"{text:{_COLUMN}}# {help}{f' ({document})' if document else ''}"
