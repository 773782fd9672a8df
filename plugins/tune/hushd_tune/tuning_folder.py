"""The user's sentences and the texts that models heard, in the state folder: private, and each file whole or absent.

`tune/LANGUAGE/07.wav` and `07.txt` are a recording and its sentence; `tune/heard.json` has the texts by model and by
the recording's hash, so that a model hears a recording once.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.system import atomic_file, paths
from hushd_schema.record import Record
from hushd_schema.sound_file import SUFFIXES

_MOST_BYTES = 64 * 2**20  # of heard.json, and of a recording


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording of one sentence; `key` is made of its content and language."""

    name: str
    path: Path
    sentence: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing(Record):
    """The text that a model heard in one recording; the seconds until it was whole, until it began; of the audio."""

    text: str
    work_s: float
    first_s: float
    audio_s: float
    memory_mb: float


Hearings = dict[str, dict[str, Hearing]]  # by model and by the clip's key


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
        return clips(folder, language) if folder.is_dir() else []

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

    def heard(self) -> Hearings:
        """Returns the texts that models heard; none if the file is damaged."""
        try:
            with open(self.folder / "heard.json", "rb") as file:
                data = json.loads(file.read(_MOST_BYTES))
            return {
                model: {key: Hearing.from_data(hearing, model) for key, hearing in clips.items()}
                for model, clips in data.items()
            }
        except (OSError, ValueError, AttributeError, RecursionError, HushdError):
            return {}

    def keep(self, heard: Mapping[str, Mapping[str, Hearing]]) -> None:
        """Keeps the texts that models heard."""
        data = {model: {key: hearing.data() for key, hearing in clips.items()} for model, clips in heard.items()}
        with _written(self.folder):
            atomic_file.replace(self.folder / "heard.json", json.dumps(data, ensure_ascii=False), 0o600)

    def forget(self) -> int:
        """Removes everything; returns the number of recordings."""
        count = len(list(self.folder.glob("*/*.wav")))
        try:
            if self.folder.is_symlink():
                self.folder.unlink()
            elif self.folder.exists():
                shutil.rmtree(self.folder)
        except OSError as error:
            raise HushdError("output_failed", f"{self.folder} cannot be removed ({error.strerror}).") from error
        return count


def clips(folder: Path, language: str) -> list[Clip]:
    """Returns the recordings in a folder that have a text of the same name beside them, by name.

    Raises:
        HushdError: `input_unreadable`.
    """
    try:
        return [
            Clip(path.name, path.absolute(), text, _key(path, language))
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


def _key(path: Path, language: str) -> str:
    with open(path, "rb") as file:
        content = hashlib.file_digest(file, "sha256")
    content.update(language.encode())
    return content.hexdigest()[:32]


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
