"""The supervisor's own log, on standard error, and the log files of supervisor and workers.

Not `logging`, which costs a memory page for every line it would save here.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

LEVELS = ("debug", "info", "warning", "error")
ROTATE_BYTES = 1_000_000
TAIL_BYTES = 4096


class Log:
    """Writes lines of `level` and above to file descriptor 2."""

    def __init__(self, level: str = "info") -> None:
        self._least = LEVELS.index(level)

    def write(self, level: str, text: str) -> None:
        """Writes a record; further lines of `text` are indented, so that no text can pass for a record."""
        if LEVELS.index(level.lower()) < self._least:
            return
        body = "\n    ".join(text.rstrip().splitlines())
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {level.upper():7} {body}\n"
        try:
            os.write(2, line.encode(errors="replace"))
        except OSError:
            pass  # a full disk or a closed terminal ends no worker


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
