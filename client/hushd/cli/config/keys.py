"""One key of a TOML file: its path, its value as a person types it, and the file with it; comments and order stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from hushd_models import toml
from hushd_protocol.errors import HushdError

_WORKER = re.compile(r"worker\.(?P<name>[^\"'.][^\"']*/[^\"']*)\.(?P<key>\w+)")
_KINDS = (str, int, float, bool, list, dict)


def path_of(key: str) -> list[str]:
    """The parts of `key`: `http.listen`, `worker."stt/moonshine".keep_alive`, also without the quotes.

    Raises:
        HushdError: `bad_request` for what is no key.
    """
    if found := _WORKER.fullmatch(key):
        return ["worker", found["name"], found["key"]]
    try:
        table: Any = toml.loads(f"{key} = 0") if "\n" not in key and "=" not in key else {}
    except ValueError:
        table = {}
    parts = []
    while isinstance(table, dict) and len(table) == 1:
        ((name, table),) = table.items()
        parts.append(name)
    if not parts:
        raise HushdError(
            "bad_request", f'{key!r} is no key: write it such as tts, http.listen or worker."stt".keep_alive.'
        )
    return parts


def value_of(text: str) -> Any:
    """The value that a person means: what TOML says of it, or else the text itself."""
    try:
        value = toml.loads(f"value = {text}")["value"] if "\n" not in text else text
    except ValueError:
        return text
    return value if isinstance(value, _KINDS) else text


def with_key(text: str, path: Sequence[str], value: Any) -> str:
    """`text`, a TOML file, with a key set; None takes it away.

    Raises:
        HushdError: `bad_request` for what is no TOML, or written in a way that cannot be changed safely.
    """
    return rewritten(
        text,
        lambda content: _changed(content, path, value),
        lambda document: _set(document, path, value),
        "use `hushd config edit`",
    )


def rewritten(
    text: str,
    meant: Callable[[dict[str, Any]], dict[str, Any]],
    change: Callable[[MutableMapping[str, Any]], None],
    remedy: str,
) -> str:
    """Returns `text`, a TOML file, as `change` makes it, if it then says what `meant` returns of its content.

    Raises:
        HushdError: `bad_request` for what is no TOML, or, with the remedy, where `change` makes something else of it.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        content = toml.loads(text)
    except ValueError as error:
        raise HushdError("bad_request", f"The configuration is not TOML: {error}.") from error
    try:
        wanted = without_empty(meant(content))
        document = tomlkit.parse(text)
        change(document)
        new = tomlkit.dumps(document)
        if without_empty(toml.loads(new)) == wanted:
            return new
    except (TOMLKitError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        pass
    raise HushdError("bad_request", f"The configuration is written in a way that cannot be changed safely: {remedy}.")


def _changed(table: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """The content of a file with that key."""
    name, *rest = path
    if rest:
        inner = table.get(name, {})
        return {**table, name: _changed(inner if isinstance(inner, Mapping) else {}, rest, value)}
    others = {key: one for key, one in table.items() if key != name}
    return others if value is None else {**others, name: value}


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


def without_empty(table: Mapping[str, Any]) -> dict[str, Any]:
    """`table` without tables that say nothing."""
    found = {key: without_empty(value) if isinstance(value, Mapping) else value for key, value in table.items()}
    return {key: value for key, value in found.items() if value != {}}
