"""Edits settings in the user's file with tomlkit, which keeps comments and order. Pure.

The result is read again and compared with the intended content: if they differ, nothing is changed, and the user is
told what to write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from hushd_protocol.errors import HushdError

from hushd_schema import toml
from hushd_schema.toml import Table

_WORKER = re.compile(r"worker\.(?![.])(?P<name>[^\"'/]++/[^\"']*)\.(?P<key>\w++)")
_KINDS = (str, int, float, bool, list, dict)


def path_of(key: str) -> list[str]:
    """Returns the parts of `key`, such as `http.listen` or `worker."stt/moonshine".keep_alive`; quotes are optional.
    Raises `bad_request` for an invalid key."""
    if match := _WORKER.fullmatch(key):
        return ["worker", match["name"], match["key"]]
    try:
        table: Any = toml.loads(f"{key} = 0") if "\n" not in key and "=" not in key else {}
    except ValueError:
        table = {}
    parts = []
    while isinstance(table, dict) and len(table) == 1:
        ((name, table),) = table.items()
        parts.append(name)
    if not parts:
        raise HushdError("bad_request", f'{key!r} is not a key, such as tts, http.listen or worker."stt".keep_alive.')
    return parts


def value_of(text: str) -> Any:
    """Returns the value of `text` as TOML, or else the text itself."""
    try:
        value = toml.loads(f"value = {text}")["value"] if "\n" not in text else text
    except ValueError:
        return text
    return value if isinstance(value, _KINDS) and value == value else text


def with_key(text: str, path: Sequence[str], value: Any) -> str:
    """Returns `text`, a TOML file, with a key set, or removed if `value` is None.
    Raises `bad_request` if it is not TOML, or written in a way that cannot be changed safely."""
    import tomlkit

    try:
        content = toml.loads(text)
    except ValueError as error:
        raise HushdError("bad_request", f"The configuration is not TOML: {error}.") from error
    try:
        meaning = without_empty(_changed(content, path, value))
        document = tomlkit.parse(text)
        _set(document, path, value)
        new = tomlkit.dumps(document)
        if without_empty(toml.loads(new)) == meaning:
            return new
    except (tomlkit.exceptions.TOMLKitError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        pass
    raise HushdError(
        "bad_request", "The configuration is written in a way that cannot be changed safely: edit the file."
    )


def _changed(table: Mapping[str, Any], path: Sequence[str], value: Any) -> Table:
    """Returns the content of a file with the key at `path` set."""
    name, *rest = path
    if rest:
        inner = table.get(name, {})
        return {**table, name: _changed(inner if isinstance(inner, Mapping) else {}, rest, value)}
    remaining = {key: content for key, content in table.items() if key != name}
    return remaining if value is None else {**remaining, name: value}


def _set(document: MutableMapping[str, Any], path: Sequence[str], value: Any) -> None:
    import tomlkit

    *tables, name = path
    for place, part in enumerate(tables):
        if part not in document:
            if value is None:
                return
            document[part] = tomlkit.table(is_super_table=place < len(tables) - 1)
        document = document[part]
    if value is None:
        document.pop(name, None)
    else:
        document[name] = value


def without_empty(table: Mapping[str, Any]) -> Table:
    tidy = {key: without_empty(value) if isinstance(value, Mapping) else value for key, value in table.items()}
    return {key: value for key, value in tidy.items() if value != {}}
