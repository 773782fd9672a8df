"""The witness of a storm: its histories, an act each, and the last frames of everybody, which explain a loss."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from history.checker import check
from history.events import read
from history.recorder import File, Recorder

from .vitals import Vitals, threads

FRAMES = 50_000  # of all connections together: more than a second's
LAST_S = 1.0  # before a loss, of which each party's frames are written
OWN = 3000  # frames of the client itself
LOG_BYTES = 32_768  # of each log
LOSSES = 30  # that are written down; the others are counted
SLACK_S = 10.0  # for a message and its reader, among processes that use up the machine


class Frame(NamedTuple):
    """A message that a connection sent or received; its payload is left out."""

    at: float
    party: str
    way: str
    kind: str
    request: str
    more: str


class Witness:
    """Keeps the histories of a storm in a folder, and writes down what led to each loss.

    Args:
        folder: for the histories, `NAME.history`, and the losses, `loss-NUMBER.txt`.
        logs: the folder of the logs of supervisor and workers.
        vitals: what the kernel knows, if anybody looks.
    """

    def __init__(self, folder: Path, logs: Path, vitals: Vitals | None = None) -> None:
        self.folder = folder
        self._logs = logs
        self.vitals = vitals or Vitals(folder)  # one that does not look counts no waiting
        self._frames: deque[Frame] = deque(maxlen=FRAMES)
        self._losses = 0
        self._lock = threading.Lock()
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

    def frame(self, party: str, way: str, message: object) -> None:
        """Remembers a message for a while."""
        self.note(party, way, type(message).__name__, message)

    def note(self, party: str, way: str, kind: str, message: object = None) -> None:
        """Remembers what has befallen a party, such as the end of its connection, or its message."""
        name = getattr(message, "id", b"")
        more = ", ".join(
            f"{field}={str(value)[:80]}"
            for field in ("state", "code", "op", "worker", "action", "seq", "last", "chunks", "position")
            if (value := getattr(message, field, "")) != ""
        )
        self._frames.append(Frame(time.monotonic(), party, way, kind, name.hex(), more))

    # --- losses ------------------------------------------------------------------------------------------------------

    def loss(self, text: str, requests: Iterable[str] = ()) -> None:
        """Writes down how a loss came about: the frames of its client, the last second of everybody, and the logs.

        Args:
            requests: whose frames are its own, beside those of the connections that this thread has made.
        """
        with self._lock:
            self._losses += 1
            if self._losses > LOSSES:
                return
            path = self.folder / f"loss-{self._losses}.txt"
        now, frames, names = time.monotonic(), list(self._frames), set(requests)
        client = threading.current_thread().name
        own = [frame for frame in frames if frame.request in names or frame.party.startswith(f"{client}/")]
        parts = [
            f"{text}\nat {now:.3f}, client {client}, processor load {os.getloadavg()[0]:.0f}",
            "Its own frames:\n" + _lines(own[-OWN:]),
            f"Its threads:\n{threads((client,))}",
            f"The kernel's view (each thread: state, ms on a processor, ms of waiting for one):\n{self.vitals.lines()}",
            "Everybody's last second:\n" + _lines(frame for frame in frames if frame.at >= now - LAST_S),
            *(f"{log.name}:\n{_tail(log)}" for log in self._recent()),
        ]
        path.write_text("\n\n".join(parts))

    def _recent(self) -> list[Path]:
        """The logs that were written to in the last ten seconds, the supervisor's first."""
        try:
            logs = [log for log in self._logs.rglob("*.log") if time.time() - log.stat().st_mtime < 10]
        except OSError:
            return []
        return sorted(logs, key=lambda log: (log.name != "supervisor.log", log.name))

    # --- the verdict -------------------------------------------------------------------------------------------------

    def verdict(self) -> tuple[Counter[str], list[str]]:
        """Returns how much each rule has judged in all acts, and the violations as sentences."""
        judged: Counter[str] = Counter()
        sentences: list[str] = []
        for file in sorted(self.folder.glob("*.history")):
            verdict = check(read([file]), SLACK_S)
            judged += verdict.judged
            sentences += (f"{file.stem}: {violation.sentence}" for violation in verdict.violations)
        return judged, sentences


def _lines(frames: Iterable[Frame]) -> str:
    return "\n".join(
        f"{frame.at:.4f} {frame.party} {frame.way} {frame.kind} {frame.request} {frame.more}" for frame in frames
    )


def _tail(log: Path) -> str:
    try:
        with open(log, "rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_BYTES))
            return file.read().decode(errors="replace")
    except OSError as error:
        return f"({error})"
