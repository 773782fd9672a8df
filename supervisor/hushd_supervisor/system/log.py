"""The supervisor's own log, on standard error. Without `logging`, which takes too much memory."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hushd_protocol.system.log_files import line, rotate
from hushd_schema.settings.tables import LOG_LEVELS

MAX_RECORD = 8192  # characters: twice a tail
WINDOW_S = 60.0
BURST = 20  # records of one kind per window
_REQUESTS = "requests"  # the kind of all records about requests
REQUESTS_BURST = 300  # records about requests per window
_KIND_PREFIX = 40  # characters at the start of a record that make its kind
_MAX_KINDS = 256  # counted separately


class Log:
    """Writes lines of `level` and above to file descriptor 2.

    Clients cause records, and must not be able to fill the log: of each kind, at most `BURST` are written per minute,
    followed by the number left out.

    Args:
        form: `text`, or `json` for one object per line.
        path: the file behind descriptor 2, if it is one; it is moved to `path`.1 when it exceeds 1 MB.
    """

    def __init__(
        self,
        level: str = "info",
        path: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        form: str = "text",
    ) -> None:
        self.configure(level, form)
        self._path = path
        self._clock = clock
        self._window = clock()
        self._kinds: Counter[str] = Counter()

    def configure(self, level: str, form: str) -> None:
        """Sets the lowest level to write, and the form."""
        self._min_level = LOG_LEVELS.index(level)
        self._form = form

    def write(self, level: str, text: str, request: str = "", **facts: Any) -> None:
        """Writes a record; further lines of `text` are indented, so that no text can pass for another record.

        Args:
            request: the short id of the request that it concerns.
            facts: the text's figures for programs, only written in JSON.
        """
        if LOG_LEVELS.index(level.lower()) < self._min_level:
            return
        if not self._is_too_many(text, request):
            self._append(level, text, request, **facts)
            self._rotate()

    def _is_too_many(self, text: str, request: str) -> bool:
        """Counts a record and returns whether to leave it out; at the end of a window, logs how many were left out."""
        if (now := self._clock()) >= self._window + WINDOW_S:
            if left_out := sum(
                max(0, count - (REQUESTS_BURST if kind == _REQUESTS else BURST)) for kind, count in self._kinds.items()
            ):
                self._append("warning", f"left out {left_out} records: a program repeats itself")
            self._window = now
            self._kinds.clear()
        kind = _REQUESTS if request else text[:_KIND_PREFIX] if len(self._kinds) < _MAX_KINDS else ""
        self._kinds[kind] += 1
        return self._kinds[kind] > (REQUESTS_BURST if request else BURST)

    def _append(self, level: str, text: str, request: str = "", **facts: Any) -> None:
        record = line(text[:MAX_RECORD], form=self._form, request=request, level=level, facts=facts)
        try:
            os.write(2, record.encode(errors="replace"))
        except OSError:
            pass  # a full disk or a closed terminal must not stop the supervisor

    def _rotate(self) -> None:
        if self._path:
            rotate(self._path)
