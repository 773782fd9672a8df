"""Reads what the user prefers from the configuration file, without its other settings: languages, and engines whose
worker is a command of the user's own. Whoever reads the whole file reports its mistakes."""

from __future__ import annotations

from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_schema import toml

from . import languages

_ENGLISH = "en"


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
    own = _value(path, "languages")
    named = [languages.code(each) for each in own if isinstance(each, str)] if isinstance(own, list) else []
    return named or languages.of_session()


def unserved_language(path: Path, role: str = "stt") -> str:
    """Returns the language that the user speaks most, where that is not English, and the configuration at `path` names
    no model of the role for it, nor a voice; else empty."""
    first = next(iter(own_languages(path)), _ENGLISH)
    if first == _ENGLISH:
        return ""
    usual, named = _value(path, role), _value(path, f"{role}_by_language")
    by_language = named if isinstance(named, dict) else {}
    voice = role == "tts" and _value(path, "voice")
    return "" if usual or voice or languages.is_among(first, by_language) else first


def hears(path: Path, language: str) -> bool:
    """Returns whether the usual model for a language, by the configuration at `path`, hears it or may, since nobody
    knows its languages."""
    from hushd_schema.settings import Settings  # noqa: PLC0415 - loads msgspec: 60 ms, which `say` spends later

    from . import catalogue  # noqa: PLC0415 - likewise

    by_language, usual = _value(path, "stt_by_language"), _value(path, "stt")
    if isinstance(by_language, dict) and languages.is_among(language, by_language):
        return True
    return catalogue.hears(usual if isinstance(usual, str) else Settings().stt, language) is not False


def hears_again(path: Path) -> bool:
    """Returns the setting `hear_again` of the configuration at `path`."""
    return _value(path, "hear_again") is not False


def _value(path: Path, key: str) -> object:
    try:
        return toml.load(path, key).get(key)
    except HushdError:
        return None


def languages_spoken(path: Path) -> str:
    """Returns the user's languages for a reader, such as `French (fr), English (en)`; empty where they are unknown."""
    return ", ".join(f"{languages.name(code)} ({code})" for code in own_languages(path))


def languages_named(path: Path) -> str:
    """Returns `such as fr or en`: the user's languages as examples, filled up with English and German."""
    first, second, *_ = dict.fromkeys([*own_languages(path), "en", "de"])
    return f"such as {first} or {second}"
