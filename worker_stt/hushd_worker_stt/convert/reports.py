"""Prints the lines by which a conversion program reports its progress to hushd."""

from __future__ import annotations

import json
import os


def say(**words: object) -> None:
    """Prints a line: `done` and `total`, or `error` and `message`."""
    os.write(1, json.dumps(words).encode() + b"\n")
