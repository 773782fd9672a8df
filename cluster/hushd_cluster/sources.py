"""The recordings of a corpus, one after the other: of a folder on the driver's disk, of a store, or of a manifest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from typing import Protocol

from hushd_cli.recordings import Recordings
from hushd_protocol.errors import HushdError
from hushd_schema.sound_file import SUFFIXES

from . import manifest, store
from .ledger import Ledger
from .outputs import Outputs
from .recording import Recording, fault, shown

MAX_NAMED = 20  # lines of a manifest that are wrong and named


class Source(Protocol):
    """A corpus.

    Attributes:
        total: the number of recordings; None while unknown.
        faults: sentences about the parts of it that name no recording, up to `MAX_NAMED`.
        wrong: the number of those parts.
        has_times: whether it knows when its recordings were changed.
    """

    has_times: bool
    total: int | None
    faults: list[str]
    wrong: int

    def recordings(self, outputs: Outputs) -> Iterator[Recording | None]:
        """Yields the recordings; raises `HushdError` if the corpus cannot be read.

        Args:
            outputs: the transcripts: None may be yielded in place of a recording that is done.
        """
        ...


class Disk:
    """The recordings in a folder on the driver's disk.

    Args:
        target: the folder of the transcripts, which is left out if it is inside; may be a URL.

    Raises:
        HushdError: `input_unreadable` if it is not a folder.
    """

    has_times = True

    def __init__(self, folder: str, target: str) -> None:
        if not os.path.isdir(folder):
            raise HushdError("input_unreadable", f"{folder!r} is not a folder: name the one with the recordings.")
        self._recordings = Recordings(folder, target, [], deep=True)
        self.total: int | None = None
        self.faults: list[str] = []
        self.wrong = 0

    def recordings(self, outputs: Outputs) -> Iterator[Recording | None]:
        for name, state in self._recordings.found():
            yield Recording(name, self._recordings.path(name), state.size, state.written)


class Listed:
    """The recordings below a URL, known by their suffixes."""

    has_times = True

    def __init__(self, url: str) -> None:
        store.check(url)
        self._store = store.opened(url)
        self.total: int | None = None
        self.faults: list[str] = []
        self.wrong = 0

    def recordings(self, outputs: Outputs) -> Iterator[Recording | None]:
        try:
            for item in self._store.items():
                if os.path.splitext(item.name)[1].lower() in SUFFIXES:
                    if why := fault(item.name):
                        self._complain(f"{item.name!r} {why}.")
                        continue
                    yield Recording(item.name, f"{self._store.url}/{item.name}", item.size, item.written)
        except FileNotFoundError:
            raise HushdError("input_unreadable", f"There is no folder {shown(self._store.url)}.") from None

    def _complain(self, sentence: str) -> None:
        self.wrong += 1
        if self.wrong <= MAX_NAMED:
            self.faults.append(sentence)


class Manifest:
    """The recordings of a manifest.

    Args:
        place: its path, its URL, or `-` for standard input.
    """

    has_times = False

    def __init__(self, place: str) -> None:
        self._place = place
        self.total = manifest.count(place)
        self.faults: list[str] = []
        self.wrong = 0

    def recordings(self, outputs: Outputs) -> Iterator[Recording | None]:
        with manifest.opened(self._place) as file, closing(Ledger()) as ids:

            def is_new(name: str) -> bool:
                return not outputs.is_passed(name) and ids.take(name)

            lines = manifest.lines_of(file)
            yield from manifest.read(lines, outputs.pass_over, is_new, self._complain)

    def _complain(self, row: int, why: str) -> None:
        self.wrong += 1
        if self.wrong <= MAX_NAMED:
            self.faults.append(f"{shown(self._place)}:{row}: {why}")
