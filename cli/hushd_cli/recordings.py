"""The recordings in a folder and their transcripts; as with make, a recording is done unless it is newer."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from hushd_protocol.errors import HushdError
from hushd_schema.sound_file import SUFFIXES


class State(NamedTuple):
    """A recording's size and modification time; another state means another recording."""

    written: int  # ns since 1970
    size: int


class Recordings:
    """The recordings in the folder `source`, by their paths below it; their transcripts are in the folder `target`.

    Args:
        formats: of the transcripts; a recording is done when it has one of each.
        deep: whether to include subfolders; then a transcript keeps its recording's full name.
    """

    def __init__(self, source: str, target: str, formats: Sequence[str], *, deep: bool = False) -> None:
        self._source, self._target, self._formats, self._deep = source, target, formats, deep

    def path(self, name: str) -> str:
        """Returns the path of a recording."""
        return os.path.join(self._source, name)

    def transcripts(self, name: str) -> list[str]:
        """Returns the paths of a recording's transcripts, one a format."""
        stem = name if self._deep else os.path.splitext(name)[0]
        return [os.path.join(self._target, f"{stem}.{form}") for form in self._formats]

    def found(self) -> Iterator[tuple[str, State]]:
        """Yields the recordings in order, without hidden ones and those inside the folder of transcripts.

        Raises:
            HushdError: `input_unreadable` if the folder cannot be read.
        """
        inside = os.path.realpath(self._target)
        for here, folders, files in os.walk(self._source, onerror=self._complain):
            below = sorted(folders) if self._deep else []
            folders[:] = [name for name in below if name[0] != "." and os.path.realpath(f"{here}/{name}") != inside]
            for name in sorted(files):
                if name[0] != "." and os.path.splitext(name)[1].lower() in SUFFIXES:
                    path = os.path.join(here, name)
                    with suppress(OSError):  # it has just gone, or is a broken link
                        status = os.stat(path)
                        if stat.S_ISREG(status.st_mode):
                            yield os.path.relpath(path, self._source), State(status.st_mtime_ns, status.st_size)

    def is_done(self, name: str, state: State) -> bool:
        """Returns whether all transcripts of a recording exist as files, and none is older than it."""
        try:
            return all(_written(path) >= state.written for path in self.transcripts(name))
        except OSError:
            return False  # a transcript is missing

    def _complain(self, error: OSError) -> None:
        if error.filename == self._source:
            raise HushdError(
                "input_unreadable", f"The folder {self._source!r} cannot be read ({error.strerror})."
            ) from error


def _written(path: str) -> int:
    """Returns the time of the last write to a file; 0 for anything that is not a file."""
    status = os.stat(path)
    return status.st_mtime_ns if stat.S_ISREG(status.st_mode) else 0
