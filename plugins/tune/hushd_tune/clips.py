"""The recordings of a folder, each of one sentence: `x.wav`, and its text in `x.txt`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_schema.sound_file import SUFFIXES


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording of one sentence."""

    path: Path
    sentence: str


def clips(folder: Path) -> list[Clip]:
    """Returns the recordings in a folder that have a text of the same name beside them, by name. Raises
    `input_unreadable`."""
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
