"""Reads TOML files, and writes keys and values as a file has them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hushd_protocol.errors import HushdError

Table = dict[str, Any]  # a user's table, not checked yet


def loads(text: str) -> Table:
    """Returns the content of a TOML text.
    Raises ValueError if it is not TOML, is nested without end, or has a number of thousands of digits."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def key(name: str) -> str:
    """Returns a key as a file has it: in one line, in quotes if needed."""
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def written(value: Any) -> str:
    """Returns a value in TOML, a table in one line."""
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{key(name)} = {written(entry)}" for name, entry in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(written, value))}]"
    return json.dumps(value, ensure_ascii=False)


def read(path: Path) -> str:
    """Returns the text of the file at `path`; empty if there is none.
    Raises `bad_request`, naming the file, if it cannot be read."""
    try:
        if path.is_fifo():  # a pipe would wait for a writer for ever
            raise OSError(0, "it is a pipe")
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise HushdError("bad_request", f"{path} is not UTF-8.") from None
    except OSError as error:
        raise HushdError("bad_request", f"{path} cannot be read ({error.strerror}).") from error


def load(path: Path, word: str = "") -> Table:
    """Returns the content of the file at `path`; empty if there is none, or its text does not contain `word`.
    Raises `bad_request`, naming the file, if it cannot be read or is not TOML."""
    text = read(path)
    if not text or word not in text:
        return {}
    try:
        return loads(text)
    except ValueError as error:
        raise HushdError("bad_request", f"{path} is not TOML: {error}.") from error
