"""TOML as people and programs write it: what cannot be read is an error, and keys are shown as written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hushd_protocol.errors import HushdError

Table = dict[str, Any]  # as a person has written it: checked by its reader

_BARE = re.compile("[A-Za-z0-9_-]+")


def loads(text: str) -> Table:
    """Returns the content of a TOML text.

    Raises:
        ValueError: it is not TOML, is nested without end, or has a number of thousands of digits.
    """
    import tomllib  # not needed by most

    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def key(name: str) -> str:
    """Returns a key as a file has it: in quotes unless it needs none, and in one line."""
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def read(path: Path) -> str:
    """The text of the file at `path`; empty where there is none.

    Raises:
        HushdError: `bad_request`, naming the file, when it cannot be read.
    """
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise HushdError("bad_request", f"{path} is not UTF-8.") from None
    except OSError as error:
        raise HushdError("bad_request", f"{path} cannot be read ({error.strerror}).") from error


def load(path: Path, word: str = "") -> Table:
    """The content of the file at `path`; empty where there is none, or it has nothing with `word` in it.

    Raises:
        HushdError: `bad_request`, naming the file, when it cannot be read or is not TOML.
    """
    text = read(path)
    if not text or word not in text:
        return {}
    try:
        return loads(text)
    except ValueError as error:
        raise HushdError("bad_request", f"{path} is not TOML: {error}.") from error
