"""The memory that each worker needed in earlier lives of the supervisor, in the state folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from hushd_protocol.system import atomic_file

LIMIT_BYTES = 1_000_000


class Needs:
    """The file `path`: a JSON object of bytes by the keys of `core.memory.needs`.

    It only saves a guess, so a file that is missing or broken is no error, nor is a full disk.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, int]:
        """The entries of the file that make sense."""
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
            if name.count("/") == 2 and type(size) is int and (0 < size < 1 << 62 or (size == 0 and "@" in name))
        }

    def save(self, needs: Mapping[str, int]) -> None:
        """Replaces the file as a whole."""
        try:
            atomic_file.replace(self._path, json.dumps(dict(needs), indent=1, sort_keys=True) + "\n", mode=0o600)
        except OSError:
            pass
