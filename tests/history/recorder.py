"""Writing a history: one call an event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .events import Event


class Recorder:
    """Writes what one party sees; see `events` for the kinds and their fields.

    Args:
        party: its name, unique in the history.
        write: takes each line.
        clock: seconds, the same clock for all parties.
    """

    def __init__(self, party: str, write: Callable[[bytes], object], clock: Callable[[], float]) -> None:
        self.party = party
        self._write = write
        self._clock = clock

    def saw(self, kind: str, request: str = "", /, **more: Any) -> None:
        """Writes an event that the party has just seen, or that it is about to cause."""
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
