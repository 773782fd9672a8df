"""A corpus on disk: a folder of recordings, a folder of transcripts, and the list of recordings set aside.

Only the driver writes here, and each transcript is written atomically under a name that belongs to one recording. So an
existing transcript is complete, and an interrupted run needs no other record.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hushd.transcripts.transcript import Transcript
from hushd_cli.recordings import Recordings
from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file
from hushd_protocol.system.output_file import OutputFile

SET_ASIDE = "set-aside.json"


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording set aside: the error's code, sentence and exit code, and the number of attempts."""

    code: str
    message: str
    exit: int
    attempts: int


class Corpus(Recordings):
    """The recordings under `source`, and their transcripts under `target`, each as RECORDING.FORMAT.

    Raises:
        HushdError: `input_unreadable` if `source` is not a folder, `output_failed` if `target` cannot be made.
    """

    def __init__(self, source: str, target: str, form: str) -> None:
        super().__init__(source, target, [form], deep=True)
        self._form = form
        self._list = Path(target) / SET_ASIDE
        if not os.path.isdir(source):
            raise HushdError("input_unreadable", f"{source!r} is not a folder: name the one with the recordings.")
        try:
            os.makedirs(target, exist_ok=True)
            self.set_aside = self._read()
        except OSError as error:
            raise HushdError("output_failed", f"{target!r} cannot be used ({error.strerror}).") from error

    def save(self, name: str, transcript: Transcript) -> None:
        """Writes a transcript, and removes its recording from the list set aside.

        Raises:
            HushdError: `output_failed`.
        """
        (path,) = self.transcripts(name)
        folder = os.path.dirname(path)
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise HushdError("output_failed", f"{folder!r} cannot be made ({error.strerror}).") from error
        with OutputFile(path) as file:
            file.write(transcript.render(self._form).encode())
        if self.set_aside.pop(name, None):
            self._write()

    def put_aside(self, name: str, failure: Failure) -> None:
        """Adds a recording to the list set aside."""
        self.set_aside[name] = failure
        self._write()

    def _read(self) -> dict[str, Failure]:
        try:
            data: Mapping[str, Mapping[str, object]] = json.loads(self._list.read_text())
            return {name: Failure(**failure) for name, failure in data.items()}  # type: ignore[arg-type]
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError):
            raise HushdError(
                "bad_request", f"{str(self._list)!r} is not a list that hushd wrote: move it away."
            ) from None

    def _write(self) -> None:
        data = {name: {slot: getattr(each, slot) for slot in each.__slots__} for name, each in self.set_aside.items()}
        try:
            atomic_file.replace(self._list, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise HushdError("output_failed", f"{SET_ASIDE} cannot be written ({error.strerror}).") from error
