"""Reads what the user prefers from the configuration file, without its other settings: languages, and engines whose
worker is a command of the user's own. Whoever reads the whole file reports its mistakes."""

from __future__ import annotations

from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_schema import toml

from . import languages


def engines_elsewhere(path: Path) -> frozenset[str]:
    """Returns the engines for which the configuration file at `path` has its own command, such as chatterbox in
    another environment; none if it cannot be read."""
    try:
        workers = toml.load(path, "command").get("worker", {})
    except HushdError:
        return frozenset()
    if not isinstance(workers, dict):
        return frozenset()
    tables = {name: table for name, table in workers.items() if isinstance(table, dict) and "command" in table}
    return frozenset(name.split("/")[1] for name in tables if "/" in name)


def own_languages(path: Path) -> list[str]:
    """Returns the codes of the languages that the user speaks, the one most used first: those of the configuration at
    `path`, else the session's; none where neither names one."""
    try:
        own = toml.load(path, "languages").get("languages")
    except HushdError:
        own = None
    named = [languages.code(each) for each in own if isinstance(each, str)] if isinstance(own, list) else []
    return named or languages.of_session()


def languages_named(path: Path) -> str:
    """Returns `such as fr or en`: the user's languages as examples, filled up with English and German."""
    first, second, *_ = dict.fromkeys([*own_languages(path), "en", "de"])
    return f"such as {first} or {second}"
