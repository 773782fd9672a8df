"""Recordings of sentences: the user's own in the state folder, private, and each file whole or absent; or a folder's.

`tune/LANGUAGE/07.wav` and `07.txt` are a recording and its sentence.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.system import atomic_file, paths
from hushd_schema.sound_file import SUFFIXES


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording of one sentence."""

    path: Path
    sentence: str


class TuningFolder:
    """The folder `tune` in the state folder.

    Raises:
        HushdError: `output_failed` from every method that writes.
    """

    def __init__(self, state: Path | None = None) -> None:
        self.folder = (state or paths.find().state) / "tune"

    def clips(self, language: str) -> list[Clip]:
        """Returns the user's recordings in a language."""
        folder = self.folder / language
        return clips(folder) if folder.is_dir() else []

    def add(self, language: str, number: int, sentence: str, recording: bytes) -> None:
        """Keeps a recording, or replaces an earlier one of that number."""
        folder = self.folder / language
        with _written(self.folder), _written(folder):
            # The sentence last: a recording without one does not count.
            _text(folder, number).unlink(missing_ok=True)
            atomic_file.replace(_text(folder, number).with_suffix(".wav"), recording, 0o600, sync=True)
            atomic_file.replace(_text(folder, number), f"{sentence}\n", 0o600, sync=True)

    def has(self, language: str, number: int, sentence: str) -> bool:
        """Returns whether this sentence is recorded."""
        file = _text(self.folder / language, number)
        return file.is_file() and file.read_text(encoding="utf-8", errors="replace").strip() == sentence


def clips(folder: Path) -> list[Clip]:
    """Returns the recordings in a folder that have a text of the same name beside them, by name.

    Raises:
        HushdError: `input_unreadable`.
    """
    try:
        return [
            Clip(path.absolute(), text)
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in SUFFIXES and (text := _said_in(path.with_suffix(".txt")))
        ]
    except OSError as error:
        raise HushdError("input_unreadable", f"{error.filename} cannot be read ({error.strerror}).") from error


def _said_in(path: Path) -> str:
    """Returns the text of a recording, empty where there is none."""
    try:
        return path.read_text(encoding="utf-8-sig").strip() if path.is_file() else ""
    except UnicodeDecodeError as error:
        raise HushdError("input_unreadable", f"{path} is not in UTF-8.") from error


def _text(folder: Path, number: int) -> Path:
    return folder / f"{number:02d}.txt"


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chmod(folder, 0o700)
        yield
    except OSError as error:
        raise HushdError(
            "output_failed", f"{folder} cannot be written ({error.strerror}): earlier recordings are kept."
        ) from error
