"""The files that speeches are saved to: each is whole, or not there, and nothing else is left."""

from __future__ import annotations

import io
import os
import wave
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .world import World


class Saved:
    """The speeches that clients save in a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._speeches: dict[Path, list[bytes]] = {}  # those that a file may have

    def awaits(self, name: str, samples: bytes) -> Path:
        """Expects a speech in a file, where others may be expected too; returns its path."""
        path = self._world.folder / "out" / name
        self._speeches.setdefault(path, []).append(samples)
        return path

    def trouble_with(self, path: str) -> str:
        """Returns a sentence if a file is not a whole speech that was expected there."""
        try:
            with open(path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return "" if self._world.storm.hidden.exists() else f"{path} is not there"
        samples = _samples(data) if path.endswith(".wav") else data
        return "" if samples in self._speeches[Path(path)] else f"{path} has {len(data)} bytes, which are not a speech"

    def check_parts(self, name: str) -> None:
        """Checks that a client that is about to leave has given up all files that it began to write."""
        process = self._world.machine.current
        assert process
        for path in self._world.folder.rglob("*.part"):
            info = os.stat(path)
            if self._world.machine.locked.get((info.st_dev, info.st_ino)) in process.table.values():
                self._world.violation(f"{name} has begun {path.name}, and neither kept nor discarded it")

    def check(self) -> None:
        """Checks that each file that a speech was saved to is whole, and that nothing else was left."""
        for path in sorted((self._world.folder / "out").iterdir()):
            if path in self._speeches:
                if trouble := self.trouble_with(str(path)):
                    self._world.violation(trouble)
            elif path.name != "last":
                self._world.violation(f"{path.name} was left where speeches are saved")
        for path in sorted((self._world.folder / "tmp").iterdir()):
            sockets = path == self._world.folder / "tmp" / f"hushd-{os.getuid()}"  # without a session's folder
            if not sockets:
                self._world.violation(f"{path.name} was left in the folder of temporary files")


def _samples(data: bytes) -> bytes:
    try:
        with wave.open(io.BytesIO(data)) as file:
            samples = file.readframes(file.getnframes())
            return samples if len(samples) == 2 * file.getnframes() and file.getframerate() == 16000 else b"?"
    except (wave.Error, EOFError):
        return b"?"
