"""The supervisor's own log, on standard error, and the log files of supervisor and workers.

Not `logging`, which costs a memory page for every line it would save here.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from hushd_protocol.system.terminal import escaped

LEVELS = ("debug", "info", "warning", "error")
ROTATE_BYTES = 1_000_000
TAIL_BYTES = 4096
MAX_RECORD = 8192  # characters: twice a tail
WINDOW_S = 60.0
BURST = 20  # records of a kind in a window
_KIND = 40  # characters that records of a kind have in common
_KINDS = 256  # that are counted apart


class Log:
    """Writes lines of `level` and above to file descriptor 2.

    Clients cause records, and must not fill the log with them: of a kind, `BURST` are written a minute, and then how
    many were left out.

    Args:
        path: the log's file, if that is what descriptor 2 is: it is moved to `path`.1 when it has grown over 1 MB.
    """

    def __init__(
        self, level: str = "info", path: Path | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._least = LEVELS.index(level)
        self._path = path
        self._clock = clock
        self._window = clock()
        self._kinds: Counter[str] = Counter()

    def write(self, level: str, text: str) -> None:
        """Writes a record; further lines of `text` are indented, so that no text can pass for a record."""
        if LEVELS.index(level.lower()) < self._least:
            return
        if not self._is_too_many(text):
            self._append(level, text)
            self._rotate()

    def _is_too_many(self, text: str) -> bool:
        """Counts a record; reports, once a window is over, how many were left out in it."""
        if (now := self._clock()) >= self._window + WINDOW_S:
            if left_out := sum(max(0, count - BURST) for count in self._kinds.values()):
                self._append("warning", f"left out {left_out} records like those before: a program repeats itself")
            self._window = now
            self._kinds.clear()
        kind = text[:_KIND] if len(self._kinds) < _KINDS else ""
        self._kinds[kind] += 1
        return self._kinds[kind] > BURST

    def _append(self, level: str, text: str) -> None:
        body = "\n    ".join(escaped(line) for line in text[:MAX_RECORD].rstrip().splitlines())
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {level.upper():7} {body}\n"
        try:
            os.write(2, line.encode(errors="replace"))
        except OSError:
            pass  # a full disk or a closed terminal ends no worker

    def _rotate(self) -> None:
        try:
            if self._path and os.fstat(2).st_size > ROTATE_BYTES:
                output = open_file(self._path)
                os.dup2(output, 2)
                os.close(output)
        except OSError:
            pass  # the folder is gone, say: the old file serves


def open_file(path: Path) -> int:
    """Opens `path` to append to it, with mode 0600; a file over 1 MB is moved to `path`.1 first.

    Raises:
        OSError: it cannot be opened.
    """
    try:
        if os.stat(path).st_size > ROTATE_BYTES:
            os.replace(path, f"{path}.1")
    except FileNotFoundError:
        pass
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def tail(path: Path, start: int) -> str:
    """The last 4 KiB written to `path` from offset `start` on, empty where it cannot be read."""
    try:
        with open(path, "rb") as file:
            file.seek(max(start, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            return file.read(TAIL_BYTES).decode(errors="replace")
    except OSError:
        return ""
