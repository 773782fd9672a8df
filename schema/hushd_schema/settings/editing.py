"""Edits settings in the user's file with tomlkit, which keeps comments and order. Pure.

The result is read again and compared with the intended content: if they differ, nothing is changed, and the user is
told what to write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from hushd_protocol.errors import HushdError

from hushd_schema import toml
from hushd_schema.toml import Table

from .reference import written

_WORKER = re.compile(r"worker\.(?![.])(?P<name>[^\"'/]++/[^\"']*)\.(?P<key>\w++)")
_KINDS = (str, int, float, bool, list, dict)
Values = Mapping[str, Any]  # numbers, strings or tables of strings; None removes a key


def path_of(key: str) -> list[str]:
    """Returns the parts of `key`, such as `http.listen` or `worker."stt/moonshine".keep_alive`; quotes are optional.

    Raises:
        HushdError: `bad_request` for an invalid key.
    """
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
    return value if isinstance(value, _KINDS) else text


def with_key(text: str, path: Sequence[str], value: Any) -> str:
    """Returns `text`, a TOML file, with a key set, or removed if `value` is None.

    Raises:
        HushdError: `bad_request` if it is not TOML, or written in a way that cannot be changed safely.
    """
    return rewritten(
        text,
        lambda content: _changed(content, path, value),
        lambda document: _set(document, path, value),
        "use `hushd config edit`",
    )


def rewritten(
    text: str,
    meant: Callable[[Table], Table],
    change: Callable[[MutableMapping[str, Any]], None],
    remedy: str,
) -> str:
    """Returns `text`, a TOML file, edited by `change`, if its content is then what `meant` returns.

    Raises:
        HushdError: `bad_request` if it is not TOML, or, with the remedy, if the content is not as intended.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        content = toml.loads(text)
    except ValueError as error:
        raise HushdError("bad_request", f"The configuration is not TOML: {error}.") from error
    try:
        meaning = without_empty(meant(content))
        document = tomlkit.parse(text)
        change(document)
        new = tomlkit.dumps(document)
        if without_empty(toml.loads(new)) == meaning:
            return new
    except (TOMLKitError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        pass
    raise HushdError("bad_request", f"The configuration is written in a way that cannot be changed safely: {remedy}.")


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
    """Returns `table` without empty tables."""
    tidy = {key: without_empty(value) if isinstance(value, Mapping) else value for key, value in table.items()}
    return {key: value for key, value in tidy.items() if value != {}}


# --- one worker's table ---------------------------------------------------------------------------------------


def with_worker(text: str, worker: str, values: Values) -> str:
    """Returns `text`, a TOML file, with these keys in `[worker."NAME"]`; writes a new table of strings in one line.

    Raises:
        HushdError: `bad_request` if it is not TOML, or written in a way that cannot be changed safely.
    """
    line = "; ".join(f"{key} = {written(value)}" for key, value in values.items() if value is not None)
    return rewritten(
        text,
        lambda content: with_values(content, worker, values),
        lambda document: _set_values(document, worker, values),
        f'put this into [worker."{worker}"] yourself: {line}',
    )


def plain(table: Values) -> str:
    """Returns a TOML file with the content `table`, without comments."""
    import tomlkit

    return tomlkit.dumps(table)


def with_values(table: Values, worker: str, values: Values) -> Table:
    """Returns `table`, the content of a file, with these keys in `[worker."NAME"]`."""
    workers = dict(table.get("worker", {}))
    own = dict(workers.get(worker, {})) | dict(values)
    workers[worker] = {key: value for key, value in own.items() if value is not None}
    return {**table, "worker": {name: keys for name, keys in workers.items() if name != worker or keys}}


def _set_values(document: MutableMapping[str, Any], worker: str, values: Values) -> None:
    """Sets or removes keys of a worker's table; creates or removes the table as needed."""
    import tomlkit

    given = {key: value for key, value in values.items() if value is not None}
    workers = document.get("worker")
    if workers is None or worker not in workers:
        if not given:
            return
        own = tomlkit.table()
        if workers is None:
            document["worker"] = workers = tomlkit.table(is_super_table=True)
        workers[worker] = own
    own = document["worker"][worker]
    for key in values.keys() - given.keys():
        own.pop(key, None)
    for key, value in given.items():
        _put(own, key, value)


def _put(table: MutableMapping[str, Any], key: str, value: Any) -> None:
    """Sets a key; an existing table of strings keeps its comments and its order."""
    import tomlkit

    if not isinstance(value, Mapping):
        table[key] = value
    elif isinstance(old := table.get(key), MutableMapping):
        for name in [name for name in old if name not in value]:
            del old[name]
        for name, entry in value.items():
            if old.get(name) != entry:
                old[name] = entry
    else:
        table[key] = tomlkit.inline_table()
        table[key].update(value)
