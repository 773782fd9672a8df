"""A corpus on disk: a folder of recordings, the folder of their transcripts, and those set aside.

Only the driver writes here, each transcript whole or not at all under a name that belongs to one recording. So what is
there is done, and a run that was interrupted needs no other record.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hushd.transcripts.transcript import Transcript
from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file
from hushd_protocol.system.output_file import OutputFile
from hushd_schema.sound_file import SUFFIXES

SET_ASIDE = "set-aside.json"


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording that was set aside: the error's code and sentence, its exit code, and how often it was tried."""

    code: str
    message: str
    exit: int
    attempts: int


class Corpus:
    """The recordings under `source`, and their transcripts under `target`, each as RECORDING.FORMAT.

    Raises:
        HushdError: `input_unreadable` when there is no such folder, `output_failed` when the other cannot be made.
    """

    def __init__(self, source: str, target: str, form: str) -> None:
        self._source = Path(source)
        self._target = Path(target)
        self._form = form
        if not self._source.is_dir():
            raise HushdError("input_unreadable", f"{source!r} is no folder: name the one with the recordings.")
        try:
            self._target.mkdir(parents=True, exist_ok=True)
            self.set_aside = self._read()
        except OSError as error:
            raise HushdError("output_failed", f"{target!r} cannot be used ({error.strerror}).") from error

    def recordings(self) -> Iterator[str]:
        """Yields the recordings' paths below the folder, in order; not those among the transcripts."""
        inside = self._target.resolve()
        for folder, folders, files in os.walk(self._source):
            here = Path(folder)
            folders[:] = sorted(name for name in folders if (here / name).resolve() != inside and name[0] != ".")
            for name in sorted(files):
                if name[0] != "." and Path(name).suffix.lower() in SUFFIXES:
                    yield str((here / name).relative_to(self._source))

    def is_done(self, name: str) -> bool:
        """Returns whether there is a transcript that is not older than its recording."""
        try:
            return self._transcript(name).stat().st_mtime >= self.path(name).stat().st_mtime
        except OSError:
            return False

    def path(self, name: str) -> Path:
        """The recording's."""
        return self._source / name

    def save(self, name: str, transcript: Transcript) -> None:
        """Writes a transcript, and takes its recording off the list of those set aside.

        Raises:
            HushdError: `output_failed`.
        """
        path = self._transcript(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HushdError("output_failed", f"{str(path.parent)!r} cannot be made ({error.strerror}).") from error
        with OutputFile(path) as file:
            file.write(transcript.render(self._form).encode())
        if self.set_aside.pop(name, None):
            self._write()

    def put_aside(self, name: str, failure: Failure) -> None:
        """Adds a recording to the list of those set aside."""
        self.set_aside[name] = failure
        self._write()

    def _transcript(self, name: str) -> Path:
        return self._target / f"{name}.{self._form}"

    def _read(self) -> dict[str, Failure]:
        try:
            data: Mapping[str, Mapping[str, object]] = json.loads((self._target / SET_ASIDE).read_text())
            return {name: Failure(**failure) for name, failure in data.items()}  # type: ignore[arg-type]
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError):
            raise HushdError(
                "bad_request", f"{str(self._target / SET_ASIDE)!r} is not a list that hushd wrote: move it away."
            ) from None

    def _write(self) -> None:
        data = {name: {slot: getattr(each, slot) for slot in each.__slots__} for name, each in self.set_aside.items()}
        try:
            atomic_file.replace(self._target / SET_ASIDE, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise HushdError("output_failed", f"{SET_ASIDE} cannot be written ({error.strerror}).") from error
