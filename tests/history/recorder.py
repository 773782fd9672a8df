"""Writing a history: one call an event, from any thread, of any number of processes into one file."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .events import Event


class File:
    """A file of a history, to which processes append whole lines.

    One `write` in append mode is one line: Linux neither mixes those of several processes nor tears them, and what
    was written is there even if its writer is killed in the next moment. Processes that are forked may go on with it.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __call__(self, line: bytes) -> None:
        os.write(self._descriptor, line)

    def close(self) -> None:
        os.close(self._descriptor)


class Recorder:
    """Writes what one party sees; see `events` for the kinds and their fields.

    Args:
        party: its name, unique in the history.
        write: takes each line: a `File`, the `append` of a list, the hash of a simulation.
        clock: seconds, the same clock for all parties.
    """

    def __init__(self, party: str, write: Callable[[bytes], object], clock: Callable[[], float] = time.monotonic):
        self.party = party
        self._write = write
        self._clock = clock
        self._lock = threading.Lock()  # an event that is earlier is written earlier

    def saw(self, kind: str, request: str = "", /, **more: Any) -> None:
        """Writes an event that the party has just seen, or that it is about to cause."""
        with self._lock:
            event = Event(self._clock(), self.party, request, kind, more)
            event.check()
            self._write(event.line())

    def invoke(self, request: str, op: str, /, **more: Any) -> None:
        """Writes that a request is about to be made."""
        self.saw("invoke", request, op=op, **more)

    def ok(self, request: str, /, **more: Any) -> None:
        """Writes that a request has ended as it should."""
        self.saw("ok", request, **more)

    def fail(self, request: str, code: str, /, **more: Any) -> None:
        """Writes that a request has ended in an error, which says that nothing more will come of it."""
        self.saw("fail", request, code=code, **more)

    def unknown(self, request: str, /, **more: Any) -> None:
        """Writes that the party will not learn how a request ended."""
        self.saw("unknown", request, **more)
