"""Makes a model: its parts are written to a temporary folder, and appear together once complete."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SPARE = 1 << 30  # bytes that stay free for others


class CannotMake(Exception):
    """A model that cannot be made here; the message says why and what to do."""


@dataclass(frozen=True)
class Part:
    """A file of a model, or several that are made at once.

    Attributes:
        name: its path within the model's folder.
        size: about how many bytes it has.
        write: writes it to a path.
        scratch: bytes that are written and removed meanwhile.
    """

    name: str
    size: int
    write: Callable[[Path], None]
    scratch: int = 0


def text(name: str, content: str) -> Part:
    """A part that is text."""
    return Part(name, len(content), lambda path: _write_text(path, content))


def _write_text(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")


def make(place: Path, parts: Sequence[Part], flat: bool) -> int:
    """Writes a model's parts, and puts them in place once all are written.

    Args:
        place: the model's folder; with `flat`, the folder for all files of its engine's models, the last of which is
            the one by which the engine knows the model.

    Returns:
        The bytes of its files.

    Raises:
        CannotMake: the disk is too small.
    """
    check_room(place, sum(part.size + part.scratch for part in parts))
    beside = place.parent / f".{place.name}.{parts[-1].name}.making" if flat else place.parent / f".{place.name}.making"
    shutil.rmtree(beside, ignore_errors=True)  # of a try that was killed
    beside.mkdir(parents=True)
    try:
        for part in parts:
            (beside / part.name).parent.mkdir(parents=True, exist_ok=True)
            part.write(beside / part.name)
        files = [file for file in beside.rglob("*") if file.is_file()]
        written = sum(file.stat().st_size for file in files)
        if flat:
            place.mkdir(exist_ok=True)
            for part in parts:
                (beside / part.name).replace(place / part.name)
        else:
            shutil.rmtree(place, ignore_errors=True)
            beside.rename(place)
    except OSError as error:
        raise CannotMake(f"{place} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return written


def check_room(folder: Path, needed: int) -> None:
    """Asks for so many bytes on a folder's disk, and some to spare.

    Raises:
        CannotMake: they are not free.
    """
    disk = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(disk).free
    if free < needed + SPARE:
        raise CannotMake(
            f"{folder} needs {needed / 1e9:.1f} GB and {SPARE / 1e9:.0f} to spare, and {free / 1e9:.1f} GB are free: "
            "make room, or name a folder on another disk."
        )
