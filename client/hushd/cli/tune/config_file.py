"""Changes one worker's table in the user's configuration file; comments, order and all else in it stay, by tomlkit.

What comes out is read once more and compared with what was meant: where they differ, nothing is changed, and the user
is told what to write.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from hushd.cli.config.file import read, replace, written
from hushd.cli.config.keys import rewritten

Values = Mapping[str, Any]  # numbers, strings or tables of strings; None takes a key away


def edited(text: str, worker: str, values: Values) -> str:
    """`text`, a TOML file, with these keys in `[worker."NAME"]`; a new table of strings is written in one line.

    Raises:
        HushdError: `bad_request` for what is no TOML, or written in a way that cannot be changed safely.
    """
    wanted = "; ".join(f"{key} = {written(value)}" for key, value in values.items() if value is not None)
    return rewritten(
        text,
        lambda content: changed(content, worker, values),
        lambda document: _set(document, worker, values),
        f'put this into [worker."{worker}"] yourself: {wanted}',
    )


def change(path: Path, worker: str, values: Values) -> None:
    """Does that to the file at `path`, made if there is none, in one step; links are followed, rights stay.

    Raises:
        HushdError: `bad_request` as `edited`, or when it cannot be read; `output_failed` when it cannot be written.
    """
    text = read(path)
    new = edited(text, worker, values)
    if new != text:
        replace(path, new)


def plain(table: Values) -> str:
    """A TOML file that says `table`, without comments."""
    import tomlkit

    return tomlkit.dumps(table)


def changed(table: Values, worker: str, values: Values) -> dict[str, Any]:
    """`table`, the content of a file, with these keys in `[worker."NAME"]`."""
    workers = dict(table.get("worker", {}))
    own = dict(workers.get(worker, {})) | dict(values)
    workers[worker] = {key: value for key, value in own.items() if value is not None}
    return {**table, "worker": {name: one for name, one in workers.items() if name != worker or one}}


def _set(document: MutableMapping[str, Any], worker: str, values: Values) -> None:
    """Changes keys of a worker's table, adds them or takes them away, and the table where it is needed."""
    import tomlkit

    wanted = {key: value for key, value in values.items() if value is not None}
    workers = document.get("worker")
    if workers is None or worker not in workers:
        if not wanted:
            return
        own = tomlkit.table()
        if workers is None:
            document["worker"] = workers = tomlkit.table(is_super_table=True)
        workers[worker] = own
    own = document["worker"][worker]
    for key in values.keys() - wanted.keys():
        own.pop(key, None)
    for key, value in wanted.items():
        _put(own, key, value)


def _put(table: MutableMapping[str, Any], key: str, value: Any) -> None:
    """Sets a key; a table of strings that is there already keeps its comments and its order."""
    import tomlkit

    if not isinstance(value, Mapping):
        table[key] = value
    elif isinstance(old := table.get(key), MutableMapping):
        for name in [name for name in old if name not in value]:
            del old[name]
        for name, one in value.items():
            if old.get(name) != one:
                old[name] = one
    else:
        table[key] = tomlkit.inline_table()
        table[key].update(value)
