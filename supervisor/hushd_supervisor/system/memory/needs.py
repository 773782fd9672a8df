"""The file of each worker's measured memory needs in the state folder, for later supervisors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from hushd_protocol import buggify
from hushd_protocol.system import atomic_file, best_effort

from hushd_supervisor.core.actions import Action, Remember

from ..source import Outcome, Perform, Source

LIMIT_BYTES = 1_000_000


class Needs(Source):
    """The file `path`: a JSON object of bytes by the keys of `core.memory.needs`.

    It only replaces a guess, so missing or broken files and full disks are ignored.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def actions(self) -> Mapping[type[Action], Perform]:
        return {Remember: self._remember}

    def _remember(self, action: Remember) -> Iterable[Outcome]:
        self.save(action.needs)
        return ()

    def load(self) -> dict[str, int]:
        """Returns the valid entries of the file."""
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
        if buggify("needs are not written"):
            return
        with best_effort.writing(self._path):
            atomic_file.replace(self._path, json.dumps(dict(needs), indent=1, sort_keys=True) + "\n", mode=0o600)
