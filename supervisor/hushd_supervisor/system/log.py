"""The supervisor's own log, on standard error.

Not `logging`, which costs a memory page for every line it would save here.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hushd_protocol.system.log_files import rotate
from hushd_protocol.system.log_lines import line
from hushd_schema.settings.tables import LOG_LEVELS

MAX_RECORD = 8192  # characters: twice a tail
WINDOW_S = 60.0
BURST = 20  # records of a kind in a window
_REQUESTS = "requests"  # the kind of all lines about requests,
REQUESTS_BURST = 300  # and how many of them there are in a window
_KIND = 40  # characters that records of a kind have in common
_KINDS = 256  # that are counted apart


class Log:
    """Writes lines of `level` and above to file descriptor 2.

    Clients cause records, and must not fill the log with them: of a kind, `BURST` are written a minute, and then how
    many were left out.

    Args:
        form: `text`, or `json` for an object a line.
        path: the log's file, if that is what descriptor 2 is: it is moved to `path`.1 when it has grown over 1 MB.
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
        """Writes lines of `level` and above from now on, in that form."""
        self._least = LOG_LEVELS.index(level)
        self._form = form

    def write(self, level: str, text: str, request: str = "", **facts: Any) -> None:
        """Writes a record; further lines of `text` are indented, so that no text can pass for a record.

        Args:
            request: the short id of the request that it concerns.
            facts: what the text says, for programs: in JSON only.
        """
        if LOG_LEVELS.index(level.lower()) < self._least:
            return
        if not self._is_too_many(text, request):
            self._append(level, text, request, **facts)
            self._rotate()

    def _is_too_many(self, text: str, request: str) -> bool:
        """Counts a record; reports, once a window is over, how many were left out in it."""
        if (now := self._clock()) >= self._window + WINDOW_S:
            if left_out := sum(
                max(0, count - (REQUESTS_BURST if kind == _REQUESTS else BURST)) for kind, count in self._kinds.items()
            ):
                self._append("warning", f"left out {left_out} records like those before: a program repeats itself")
            self._window = now
            self._kinds.clear()
        kind = _REQUESTS if request else text[:_KIND] if len(self._kinds) < _KINDS else ""
        self._kinds[kind] += 1
        return self._kinds[kind] > (REQUESTS_BURST if request else BURST)

    def _append(self, level: str, text: str, request: str = "", **facts: Any) -> None:
        made = line(text[:MAX_RECORD], form=self._form, request=request, level=level, facts=facts)
        try:
            os.write(2, made.encode(errors="replace"))
        except OSError:
            pass  # a full disk or a closed terminal ends no worker

    def _rotate(self) -> None:
        if self._path:
            rotate(self._path)
