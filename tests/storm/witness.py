"""The witness of a storm: its histories, an act each, and what they prove."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from history.checker import check
from history.events import read
from history.recorder import File, Recorder

from .vitals import Vitals

SLACK_S = 10.0  # for a message and its reader, among processes that use up the machine


class Witness:
    """Keeps the histories of a storm in a folder, as `NAME.history`.

    Args:
        vitals: what the kernel counts, if anybody looks.
    """

    def __init__(self, folder: Path, vitals: Vitals | None = None) -> None:
        self.folder = folder
        self.vitals = vitals or Vitals(folder)  # one that does not look counts no waiting
        self._file: File | None = None
        self.harness = self.recorder("harness")

    def begin(self, act: str) -> None:
        """Begins the history of an act."""
        self.end()
        self._file = File(self.folder / f"{act}.history")

    def end(self) -> None:
        """Ends the history of the last act: nothing more is written."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()

    def recorder(self, party: str) -> Recorder:
        """Returns a recorder for a party, which writes into the history of the act that is on then."""
        return Recorder(party, self._write)

    def _write(self, line: bytes) -> None:
        if file := self._file:
            try:
                file(line)
            except OSError:
                pass  # the act has ended in this moment

    def verdict(self) -> tuple[Counter[str], list[str]]:
        """Returns how much each rule has judged in all acts, and the violations as sentences."""
        judged: Counter[str] = Counter()
        sentences: list[str] = []
        for file in sorted(self.folder.glob("*.history")):
            verdict = check(read([file]), SLACK_S)
            judged += verdict.judged
            sentences += (f"{file.stem}: {violation.sentence}" for violation in verdict.violations)
        return judged, sentences
