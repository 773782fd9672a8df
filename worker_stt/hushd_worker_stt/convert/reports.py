"""The lines by which a program that converts tells hushd how far it is."""

from __future__ import annotations

import json
import os


def say(**words: object) -> None:
    """Prints a line: `done` and `total`, or `error` and `message`."""
    os.write(1, json.dumps(words).encode() + b"\n")
