"""The transcripts of a corpus, in a folder on the driver's disk, or in one that nodes write to by its URL.

Each transcript is written whole under a name that belongs to one recording. So an existing one is complete, and an
interrupted run needs no other record. Beside them is the list of recordings set aside.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass

from hushd.transcripts.transcript import Transcript
from hushd_protocol.errors import HushdError, os_errors_as

from . import store
from .recording import SET_ASIDE, Recording, is_url, shown, transcript_path

KEEP_S = 5.0  # seconds between two writes of the list, at least


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording set aside: the error's code, sentence and exit code, and the number of attempts."""

    code: str
    message: str
    exit: int
    attempts: int


class Outputs:
    """The transcripts, each `transcript_path(RECORDING, FORMAT)`, and the list set aside.
    Raises `output_failed` if a folder cannot be made or used, `bad_request` if the list is not hushd's, or as
    `store.opened` and `store.faults` say.

    Args:
        place: the folder's path, which is made, or its URL.

    Attributes:
        url: of the folder that nodes write to; None where the driver writes.
        set_aside: the recordings on the list, by name.
    """

    def __init__(self, place: str, form: str) -> None:
        self._place = place
        self._store = store.opened(place)
        self._kept_at = -KEEP_S
        self._is_kept = True
        self.form = form
        self.url = place if is_url(place) else None
        if self.url is None:
            with os_errors_as("output_failed", f"{place!r} cannot be used"):
                os.makedirs(place, exist_ok=True)
        self.set_aside = self._listed()

    def is_done(self, recording: Recording) -> bool:
        """Returns whether a transcript exists that is not older than the recording."""
        written = self._store.written(transcript_path(recording.name, self.form))
        return written is not None and written >= recording.written

    def save(self, name: str, transcript: Transcript) -> None:
        """Writes a transcript that came to the driver; raises `output_failed`, or `bad_request` for its name."""
        save(self._store, name, self.form, transcript)

    def done(self, name: str) -> None:
        """Takes a recording off the list set aside."""
        if self.set_aside.pop(name, None):
            self._changed()

    def put_aside(self, name: str, failure: Failure) -> None:
        """Adds a recording to the list set aside."""
        self.set_aside[name] = failure
        self._changed()

    def keep(self) -> None:
        """Writes the list set aside, if it has changed."""
        if not self._is_kept:
            rows = {name: asdict(failure) for name, failure in self.set_aside.items()}
            content = json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
            # JSON has what is not Unicode in a file's name like this.
            self._store.write(SET_ASIDE, content.encode(errors="backslashreplace"))
            self._is_kept, self._kept_at = True, time.monotonic()

    def _changed(self) -> None:
        self._is_kept = False
        if time.monotonic() - self._kept_at >= KEEP_S:
            self.keep()

    def _listed(self) -> dict[str, Failure]:
        try:
            rows = json.loads(self._store.read(SET_ASIDE) or b"{}")
            return {name: Failure(**failure) for name, failure in rows.items()}
        except (ValueError, TypeError, AttributeError, RecursionError):
            place = f"{shown(self._place)}/{SET_ASIDE}"
            raise HushdError("bad_request", f"{place!r} is not a list that hushd wrote: move it away.") from None


def save(target: store.Store, name: str, form: str, transcript: Transcript) -> None:
    """Writes a recording's transcript whole; raises as `Store.write` does."""
    target.write(transcript_path(name, form), transcript.render(form).encode())
