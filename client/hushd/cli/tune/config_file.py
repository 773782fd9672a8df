"""Changing the user's configuration file, line by line, so that comments, order and everything else in it stay.

What comes out is read once more and compared with what was meant: where the file is written in a way that this does
not understand, nothing is changed, and the user is told what to write.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file

_BARE = re.compile(r"[\w-]+", re.ASCII)  # what TOML takes without quotes

Values = Mapping[str, Any]  # numbers, strings or tables of strings; None takes a key away


def edited(text: str, worker: str, values: Values) -> str:
    """`text`, a TOML file, with these keys in `[worker."NAME"]`; a table of strings is written in one line.

    Raises:
        HushdError: `bad_request` for what is no TOML, or written in a way that cannot be changed safely.
    """
    try:
        meant = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise HushdError("bad_request", f"The configuration is not TOML: {error}.") from error
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    for key, value in values.items():
        _set(lines, worker, key, value)
    new = "".join(lines)
    if not _same(new, changed(meant, worker, values)):
        wanted = "; ".join(f"{key} = {_written(value)}" for key, value in values.items() if value is not None)
        raise HushdError(
            "bad_request",
            f'The configuration is written in a way that cannot be changed safely: put this into [worker."{worker}"] '
            f"yourself: {wanted}.",
        )
    return new


def change(path: Path, worker: str, values: Values) -> None:
    """Does that to the file at `path`, made if there is none, in one step; links are followed, rights stay.

    Raises:
        HushdError: `bad_request` as `edited`, or when it cannot be read; `output_failed` when it cannot be written.
    """
    text = read(path)
    new = edited(text, worker, values)
    if new == text:
        return
    place = Path(os.path.realpath(path))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        mode = place.stat().st_mode & 0o777 if place.exists() else 0o644
        atomic_file.replace(place, new, mode, sync=True)
    except OSError as error:
        raise HushdError("output_failed", f"{path} cannot be written ({error.strerror}).") from error


def read(path: Path) -> str:
    """The file's text, empty where there is none.

    Raises:
        HushdError: `bad_request`.
    """
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise HushdError("bad_request", f"{path} is not UTF-8.") from None
    except OSError as error:
        raise HushdError("bad_request", f"{path} cannot be read ({error.strerror}).") from error


def plain(table: Values) -> str:
    """A TOML file that says `table`, a line for each of its keys; for hushd's own eyes."""
    return "".join(f"{_name(key)} = {_written(value)}\n" for key, value in table.items())


def changed(table: Values, worker: str, values: Values) -> dict[str, Any]:
    """What a file that says `table` is to say, with these keys in `[worker."NAME"]`."""
    workers = dict(table.get("worker", {}))
    own = dict(workers.get(worker, {})) | dict(values)
    workers[worker] = {key: value for key, value in own.items() if value is not None}
    return _bare({**table, "worker": workers}, worker)


def _bare(table: Values, worker: str) -> dict[str, Any]:
    """`table` without empty tables that say nothing."""
    workers = {name: value for name, value in table.get("worker", {}).items() if name != worker or value}
    rest = {key: value for key, value in table.items() if key != "worker"}
    return rest | ({"worker": workers} if workers else {})


def _same(text: str, meant: Values) -> bool:
    """Whether `text` says what was meant; an empty table says nothing."""
    try:
        found: Values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    empty = [name for name, value in found.get("worker", {}).items() if value == {}]
    for name in empty:
        found = _bare(found, name)
    for name in [name for name, value in meant.get("worker", {}).items() if value == {}]:
        meant = _bare(meant, name)
    return found == meant


def _set(lines: list[str], worker: str, key: str, value: Any) -> None:
    """Changes one key in `lines`, adds it to its table, adds the table, or takes the key away."""
    start, end = _section(lines, ["worker", worker])
    inner, _ = _section(lines, ["worker", worker, key])
    if inner >= 0:  # a table of its own: its keys are the lines
        _rewrite_table(lines, ["worker", worker, key], value or {})
        return
    line = None if value is None else f"{key} = {_written(value)}"
    for number in range(start + 1, end) if start >= 0 else ():
        if _key(lines[number]) == key:
            lines[number : number + 1] = [] if line is None else [line + _comment(lines[number]) + "\n"]
            return
    if line is None:
        return
    if start < 0:
        if lines and lines[-1].strip():
            lines.append("\n")
        lines.append(f"[worker.{json.dumps(worker)}]\n")
        start, end = len(lines) - 1, len(lines)
    while end > start + 1 and not lines[end - 1].strip():  # before the empty lines that part it from the next
        end -= 1
    lines.insert(end, line + "\n")


def _rewrite_table(lines: list[str], path: list[str], values: Mapping[str, str]) -> None:
    start, end = _section(lines, path)
    missing = dict(values)
    for number in range(end - 1, start, -1):
        name = _key(lines[number])
        if name is None:
            continue
        if name in missing:
            lines[number] = f"{name} = {_written(missing.pop(name))}{_comment(lines[number])}\n"
        else:
            del lines[number]
    for name, value in missing.items():
        lines.insert(start + 1, f"{name} = {_written(value)}\n")


def _section(lines: list[str], path: list[str]) -> tuple[int, int]:
    """The numbers of a table's header and of the line after its last; -1 where it has no header."""
    start = -1
    for number, line in enumerate(lines):
        if not line.lstrip().startswith("["):
            continue
        if start >= 0:
            return start, number
        if _header(line) == path:
            start = number
    return start, len(lines)


def _header(line: str) -> list[str]:
    try:
        table = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return []
    names: list[str] = []
    while isinstance(table, dict) and len(table) == 1:
        (name,) = table
        names.append(name)
        table = table[name]
    return names


def _key(line: str) -> str | None:
    """The key that a line sets, if it is whole and sets one."""
    try:
        table = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return None
    return next(iter(table)) if len(table) == 1 and not line.lstrip().startswith("[") else None


def _comment(line: str) -> str:
    """What stands behind the value, with the space before it."""
    for place, sign in enumerate(line):
        if sign == "#" and _key(line[:place]) is not None:
            value = line[:place].rstrip()
            return line[len(value) :].rstrip()
    return ""


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{_name(key)} = {_written(one)}" for key, one in value.items()) + " }" if value else "{}"
        )
    return json.dumps(value, ensure_ascii=False)


def _name(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)
