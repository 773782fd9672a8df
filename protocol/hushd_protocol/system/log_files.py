"""Logs: their lines and their files."""

from __future__ import annotations

import io
import os
import re
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from hushd_protocol.suggest import escaped

from . import best_effort

SHORT_ID_BYTES = 4  # bytes of a request's id: enough to tell apart requests of the same time
_at_work = threading.local()  # `request`: the short id of the request on which a thread works
_OURS = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?:[A-Z]+ +)?(?:request [0-9a-f]{8}: )?"


def short_id(request: bytes) -> str:
    """The id of a request, as shown in logs."""
    return request[:SHORT_ID_BYTES].hex()


def line(text: str, *, request: str = "", level: str = "") -> str:
    """A line with its newline; further lines of `text` are indented, so that they cannot pass for separate entries.
    `request`: the short id of the request that the line concerns, if any."""
    body = "\n    ".join(escaped(part) for part in text.rstrip().splitlines())
    about = f"{f'{level.upper():7} ' if level else ''}{f'request {request}: ' if request else ''}"
    return f"{time.strftime('%Y-%m-%d %H:%M:%S')} {about}{body}\n"


def text_of(entry: str) -> str:
    """Returns the text of a log line without its time, level and request; any other line unchanged."""
    return re.sub(_OURS, "", entry, count=1)


def concern(request: bytes) -> None:
    """Marks this thread's later lines as concerning a request; an empty id: none."""
    _at_work.request = short_id(request)


class LogStream(io.TextIOWrapper):
    """A replacement for standard error that turns each line into a log line."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(
            _Log(descriptor, "w", closefd=False), encoding="utf-8", errors="backslashreplace", write_through=True
        )
        self._begun = threading.local()  # the unfinished line of each thread

    def write(self, text: str) -> int:
        """Writes whole lines at once, so that the lines of two threads do not mix; keeps an unfinished line."""
        *lines, unfinished = (getattr(self._begun, "text", "") + text).split("\n")
        self._begun.text = unfinished
        self._write(lines)
        return len(text)

    def flush(self) -> None:
        """Writes the unfinished lines."""
        unfinished, self._begun.text = getattr(self._begun, "text", ""), ""
        self._write([unfinished])
        super().flush()

    def _write(self, lines: list[str]) -> None:
        request = getattr(_at_work, "request", "")
        if made := "".join(line(text, request=request) for text in lines if text.strip()):
            super().write(made)


class _Log(io.FileIO):
    """The log. A write that fails, on a full disk, is lost without ending a job or thread."""

    def write(self, data: Any) -> int:
        try:
            super().write(data)
        except OSError:
            pass
        return len(data)


# --- files ---


ROTATE_BYTES = 1_000_000
TAIL_BYTES = 4096


def rotate(path: Path) -> None:
    """Moves `path` to `path`.1 if descriptor 2 is that file and it exceeds 1 MB; goes on in a new file."""
    try:
        written = os.fstat(2)
        if written.st_size > ROTATE_BYTES and os.path.samestat(written, os.stat(path)):
            output = open_file(path)
            os.dup2(output, 2)
            os.close(output)
    except OSError:
        pass  # the folder may be gone: keep the old file


def append(path: Path, output: bytes) -> int:
    """Appends a child's output to its log, best effort; returns the log's size, or 0 if there is none."""
    with suppress(OSError):
        descriptor = open_file(path)
        try:
            if os.fstat(descriptor).st_size > ROTATE_BYTES:  # it could not be moved
                os.ftruncate(descriptor, 0)
            os.write(descriptor, output)
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
    return 0


def open_file(path: Path) -> int:
    """Opens `path` to append to it, with mode 0600; one over 1 MB is moved to `path`.1 first. Raises OSError."""
    with suppress(OSError):  # a file that cannot be moved grows
        if os.stat(path).st_size > ROTATE_BYTES:
            os.replace(path, f"{path}.1")
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def open_for_child(path: Path) -> tuple[int, int | None]:
    """Opens the log of a process that we start, creating its folder; returns its descriptor and its size.

    If the log cannot be opened, the process still runs: it writes to our log, and the size is None.
    Raises OSError if no descriptor is left.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = open_file(path)
        return descriptor, os.fstat(descriptor).st_size
    except OSError as error:
        descriptor = os.dup(2)
        best_effort.failed(path, error)
        return descriptor, None


def tail(path: Path, start: int) -> str:
    """Returns the last 4 KiB written to `path` since offset `start`, empty if it cannot be read.
    A file shorter than `start` was begun since: all of it is later."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(start if start <= size else 0, size - TAIL_BYTES))
            text = file.read(TAIL_BYTES).decode(errors="replace")
    except OSError:
        return ""
    return "".join(text_of(entry) for entry in text.splitlines(keepends=True))
