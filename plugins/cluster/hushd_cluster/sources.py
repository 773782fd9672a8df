"""The recordings of a corpus, one after the other: of a folder on the driver's disk, of a store, or of a manifest."""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, suppress

from hushd_protocol.errors import HushdError
from hushd_schema.sound_file import SUFFIXES

from . import manifest, store
from .ledger import Ledger
from .outputs import Outputs
from .recording import SET_ASIDE, Recording, fault, shown

MAX_NAMED = 20  # lines of a manifest that are wrong and named


class Source(ABC):
    """A corpus.

    Attributes:
        total: the number of recordings; None while unknown.
        faults: sentences about the parts of it that name no recording, up to `MAX_NAMED`.
        wrong: the number of those parts.
        has_times: whether it knows when its recordings were changed.
        is_mixed: whether each recording names its own place.
    """

    has_times = True
    is_mixed = False

    def __init__(self, total: int | None = None) -> None:
        self.total = total
        self.faults: list[str] = []
        self.wrong = 0

    @abstractmethod
    def recordings(self, outputs: Outputs) -> Iterator[Recording | None]:
        """Yields the recordings; raises `HushdError` if the corpus cannot be read.

        Args:
            outputs: the transcripts: None may be yielded in place of a recording that is done.
        """

    def complain(self, sentence: str) -> None:
        """Notes the fault of a part that names no recording."""
        self.wrong += 1
        if self.wrong <= MAX_NAMED:
            self.faults.append(sentence)


class Disk(Source):
    """The recordings in a folder on the driver's disk.

    Args:
        target: the folder of the transcripts, which is left out if it is inside; may be a URL.

    Raises:
        HushdError: `input_unreadable` if it is not a folder.
    """

    def __init__(self, folder: str, target: str) -> None:
        super().__init__()
        if not os.path.isdir(folder):
            raise HushdError("input_unreadable", f"{folder!r} is not a folder: name the one with the recordings.")
        self._folder, self._target = folder, target

    def recordings(self, outputs: Outputs) -> Iterator[Recording | None]:
        for name, written in self._found():
            if name.startswith(f"{SET_ASIDE}/"):
                self.complain(f"{name!r} is in a folder with the name of the list set aside: rename it.")
                continue
            yield Recording(name, os.path.join(self._folder, name), written)

    def _found(self) -> Iterator[tuple[str, int]]:
        """Yields the files with a recording's suffix and their times in ns, without hidden ones and transcripts."""
        inside = os.path.realpath(self._target)
        for here, folders, files in os.walk(self._folder, onerror=self._refuse):
            folders[:] = [
                name for name in sorted(folders) if name[0] != "." and os.path.realpath(f"{here}/{name}") != inside
            ]
            for name in sorted(files):
                if name[0] != "." and os.path.splitext(name)[1].lower() in SUFFIXES:
                    path = os.path.join(here, name)
                    with suppress(OSError):  # it has just gone, or is a broken link
                        status = os.stat(path)
                        if stat.S_ISREG(status.st_mode):
                            yield os.path.relpath(path, self._folder), status.st_mtime_ns

    def _refuse(self, error: OSError) -> None:
        if error.filename == self._folder:
            raise HushdError(
                "input_unreadable", f"The folder {self._folder!r} cannot be read ({error.strerror})."
            ) from error


class Listed(Source):
    """The recordings below a URL, known by their suffixes."""

    def __init__(self, url: str) -> None:
        super().__init__()
        store.check(url)
        self._store = store.opened(url)

    def recordings(self, outputs: Outputs) -> Iterator[Recording | None]:
        try:
            for item in self._store.items():
                if os.path.splitext(item.name)[1].lower() in SUFFIXES:
                    if why := fault(item.name):
                        self.complain(f"{item.name!r} {why}.")
                        continue
                    yield Recording(item.name, f"{self._store.url}/{item.name}", item.written)
        except FileNotFoundError:
            raise HushdError("input_unreadable", f"There is no folder {shown(self._store.url)}.") from None


class Manifest(Source):
    """The recordings of a manifest.

    Args:
        place: its path, its URL, or `-` for standard input.
    """

    has_times = False
    is_mixed = True

    def __init__(self, place: str) -> None:
        super().__init__(manifest.count(place))
        self._place = place

    def recordings(self, outputs: Outputs) -> Iterator[Recording | None]:
        with manifest.opened(self._place) as file, closing(Ledger()) as ids:

            def is_new(name: str) -> bool:
                return not outputs.is_passed(name) and ids.take(name)

            lines = manifest.lines_of(file)

            def complain(row: int, why: str) -> None:
                self.complain(f"{shown(self._place)}:{row}: {why}")

            yield from manifest.read(lines, outputs.pass_over, is_new, complain)
