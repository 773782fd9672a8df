"""The transcript of a recording on its way into the store, whole or joined from its stretches."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from hushd.transcripts.transcript import Transcript
from hushd_protocol.errors import HushdError

from . import faults, metrics
from .outputs import PARTS
from .parts import Part, finished
from .recording import Recording
from .stretches import joined

if TYPE_CHECKING:
    from .store import Store

WRITES = 6  # attempts at writing a transcript to a store that is busy, in half a minute


class Delivery:
    """Writes one recording's transcript, in the format `form`, to a store that may be busy; raises `HushdError`."""

    def __init__(self, store: Store, recording: Recording, form: str) -> None:
        self._store = store
        self._recording = recording
        self._form = form

    def write(self, transcript: Transcript) -> None:
        """Writes the transcript; one that another node has written meanwhile stays."""
        name, data = f"{self._recording.name}.{self._form}", transcript.render(self._form).encode()
        put = self._store.replace if self._recording.is_stale else self._store.create
        _written(lambda: put(name, data))

    def write_stretch(self, part: Part, transcript: Transcript) -> None:
        """Writes the transcript of a stretch as a part in which nothing is missing."""
        _written(lambda: part.finish(transcript))

    def join(self) -> Transcript:
        """Writes the transcript of a recording whose stretches are there, and removes these."""
        recording = self._recording
        names = [replace(recording, stretch=stretch).key for stretch in recording.joint]
        transcript = joined(recording.joint, [finished(self._store, name) for name in names])
        self.write(transcript)
        for name in (*names, recording.name):
            with suppress(HushdError):
                self._store.remove(f"{PARTS}/{name}.json")
        return replace(transcript, duration=0.0)  # that of its stretches was counted


def _written(put: Callable[[], object]) -> None:
    with metrics.waiting("write"):
        faults.retried(put, time.sleep, WRITES)
