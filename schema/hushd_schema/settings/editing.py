"""The user's file with other settings in it, by tomlkit: comments, order and all else stay. Pure.

What comes out is read once more and compared with what was meant: where they differ, nothing is changed, and the user
is told what to write.
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
Values = Mapping[str, Any]  # numbers, strings or tables of strings; None takes a key away


def path_of(key: str) -> list[str]:
    """The parts of `key`: `http.listen`, `worker."stt/moonshine".keep_alive`, also without the quotes.

    Raises:
        HushdError: `bad_request` for what is not a key.
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
        HushdError: `bad_request` for what is not TOML, or written in a way that cannot be changed safely.
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
    """Returns `text`, a TOML file, as `change` makes it, if it then says what `meant` returns of its content.

    Raises:
        HushdError: `bad_request` for what is not TOML, or, with the remedy, where `change` makes something else of it.
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
    """The content of a file with that key."""
    name, *rest = path
    if rest:
        inner = table.get(name, {})
        return {**table, name: _changed(inner if isinstance(inner, Mapping) else {}, rest, value)}
    others = {key: other for key, other in table.items() if key != name}
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


def without_empty(table: Mapping[str, Any]) -> Table:
    """`table` without tables that say nothing."""
    tidy = {key: without_empty(value) if isinstance(value, Mapping) else value for key, value in table.items()}
    return {key: value for key, value in tidy.items() if value != {}}


# --- one worker's table ---------------------------------------------------------------------------------------


def with_worker(text: str, worker: str, values: Values) -> str:
    """`text`, a TOML file, with these keys in `[worker."NAME"]`; a new table of strings is written in one line.

    Raises:
        HushdError: `bad_request` for what is not TOML, or written in a way that cannot be changed safely.
    """
    line = "; ".join(f"{key} = {written(value)}" for key, value in values.items() if value is not None)
    return rewritten(
        text,
        lambda content: with_values(content, worker, values),
        lambda document: _set_values(document, worker, values),
        f'put this into [worker."{worker}"] yourself: {line}',
    )


def plain(table: Values) -> str:
    """A TOML file that says `table`, without comments."""
    import tomlkit

    return tomlkit.dumps(table)


def with_values(table: Values, worker: str, values: Values) -> Table:
    """`table`, the content of a file, with these keys in `[worker."NAME"]`."""
    workers = dict(table.get("worker", {}))
    own = dict(workers.get(worker, {})) | dict(values)
    workers[worker] = {key: value for key, value in own.items() if value is not None}
    return {**table, "worker": {name: keys for name, keys in workers.items() if name != worker or keys}}


def _set_values(document: MutableMapping[str, Any], worker: str, values: Values) -> None:
    """Changes keys of a worker's table, adds them or takes them away, and the table where it is needed."""
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
    """Sets a key; a table of strings that is there already keeps its comments and its order."""
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
