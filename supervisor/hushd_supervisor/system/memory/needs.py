"""What each worker needed in earlier lives of the supervisor, in the state folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

LIMIT_BYTES = 1_000_000


class Needs:
    """The file `path`: a JSON object of bytes by a worker's full name.

    It only saves a guess, so neither a file that is missing or broken nor a full disk is an error.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, int]:
        """What is in the file, as far as it makes sense."""
        try:
            with open(self._path, "rb") as file:
                table = json.loads(file.read(LIMIT_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(table, dict):
            return {}
        return {
            name: size
            for name, size in table.items()
            if name.count("/") == 2 and type(size) is int and 0 < size < 1 << 62
        }

    def save(self, needs: Mapping[str, int]) -> None:
        """Replaces the file as a whole."""
        new = f"{self._path}.new"
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump(needs, file, indent=1, sort_keys=True)
                file.write("\n")
            os.replace(new, self._path)
        except OSError:
            pass
