"""The file that keeps a pause of all speech while no supervisor runs, so that nobody talks into a meeting then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hushd_protocol.system import best_effort

from hushd_supervisor.core.actions import Action, KeepPause

from .source import Perform, Source


class PauseFile(Source):
    """The empty file `path` in the runtime folder, which exists from `hushd pause` to `hushd resume` or a logout."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def actions(self) -> Mapping[type[Action], Perform]:
        return {KeepPause: self._keep}

    def exists(self) -> bool:
        """Returns whether the last pause was not resumed."""
        return self._path.exists()

    def _keep(self, action: KeepPause) -> None:
        with best_effort.writing(self._path):
            if action.paused:
                self._path.touch(mode=0o600)
            else:
                self._path.unlink(missing_ok=True)
