"""The recordings of a corpus: of a folder, by its path or URL, or of a manifest."""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress

from hushd_protocol.errors import HushdError
from hushd_schema.sound_file import SUFFIXES

from . import manifest, store
from .recording import Recording, fault, is_url, shown


class Source(ABC):
    """A corpus.

    Attributes:
        faults: sentences about the parts of it that name no recording, after `recordings`.
        is_mixed: whether each recording names its own place.
    """

    is_mixed = False

    def __init__(self) -> None:
        self.faults: list[str] = []

    @abstractmethod
    def recordings(self) -> Iterator[Recording]:
        """Yields the recordings; raises `HushdError` if the corpus cannot be read."""


class Folder(Source):
    """The recordings in a folder and its subfolders, known by their suffixes.
    Raises `input_unreadable` if a path is not a folder, `bad_request` for a URL that makes no sense.

    Args:
        place: its path on the driver's disk, or its URL.
        target: the folder of the transcripts, which is left out if it is inside.
    """

    def __init__(self, place: str, target: str) -> None:
        super().__init__()
        self._place = place.rstrip("/") if is_url(place) else place
        self._target = store.local_path(target) or target
        self._path = store.local_path(place)
        if is_url(place):
            store.check(place)
        elif not os.path.isdir(place):
            raise HushdError("input_unreadable", f"{place!r} is not a folder: name the one with the recordings.")

    def recordings(self) -> Iterator[Recording]:
        for name, written in self._found():
            why = fault(name) if is_url(self._place) else ""  # any name will do on a disk that never knew Unicode
            if why:
                self.faults.append(f"{name!r} {why}: rename it.")
            else:
                place = f"{self._place}/{name}" if is_url(self._place) else os.path.join(self._place, name)
                yield Recording(name, place, written)

    def _found(self) -> Iterator[tuple[str, int]]:
        """Yields the files with a recording's suffix and their times in ns, without hidden ones and transcripts."""
        if self._path:
            yield from self._walked(self._path)
            return
        listed = store.Objects(self._place).items()
        if not listed:
            raise HushdError("input_unreadable", f"There is no file in {shown(self._place)}.")
        for name, written in listed.items():
            if os.path.splitext(name)[1].lower() in SUFFIXES:
                yield name, written

    def _walked(self, root: str) -> Iterator[tuple[str, int]]:
        inside = os.path.realpath(self._target)
        for here, folders, files in os.walk(root, onerror=self._refuse):
            folders[:] = [
                name for name in sorted(folders) if name[0] != "." and os.path.realpath(f"{here}/{name}") != inside
            ]
            for name in sorted(files):
                if name[0] != "." and os.path.splitext(name)[1].lower() in SUFFIXES:
                    path = os.path.join(here, name)
                    with suppress(OSError):  # it has just gone, or is a broken link
                        status = os.stat(path)
                        if stat.S_ISREG(status.st_mode):
                            yield os.path.relpath(path, root), status.st_mtime_ns

    def _refuse(self, error: OSError) -> None:
        why = f"The folder {error.filename!r} cannot be read ({error.strerror})."
        if error.filename == self._path:
            raise HushdError("input_unreadable", why) from error
        self.faults.append(why)


class Manifest(Source):
    """The recordings of a manifest, at a path, a URL, or `-` for standard input."""

    is_mixed = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place

    def recordings(self) -> Iterator[Recording]:
        with manifest.opened(self._place) as file:
            for row, result in manifest.read(manifest.lines_of(file)):
                if isinstance(result, HushdError):
                    self.faults.append(f"{shown(self._place)}:{row}: {result.message}")
                else:
                    yield result
