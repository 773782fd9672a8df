"""TOML as people and programs write it: what cannot be read is a ValueError, and keys are shown as written."""

from __future__ import annotations

import json
import re
from typing import Any

_BARE = re.compile("[A-Za-z0-9_-]+")


def loads(text: str) -> dict[str, Any]:
    """Returns the content of a TOML text.

    Raises:
        ValueError: it is no TOML, is nested without end, or has a number of thousands of digits.
    """
    import tomllib  # not needed by most

    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def key(name: str) -> str:
    """Returns a key as a file has it: in quotes unless it needs none, and in one line."""
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)
