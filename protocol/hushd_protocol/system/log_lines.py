"""Log lines: one for each event, as text or as JSON, with the id of the request that it concerns."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections.abc import Mapping
from typing import Any

from hushd_protocol.names import LOG_FORMATS

from .terminal import escaped

FORMAT = "HUSHD_LOG_FORMAT"  # the variable that tells a worker the form of its lines
CONTENT = "HUSHD_LOG_CONTENT"  # if set, lines may contain what is said and heard
SHORT_ID_BYTES = 4  # of a request's id: enough to tell apart requests of the same time
_at_work = threading.local()  # `request`: the short id of the request on which a thread works
_OURS = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?:[A-Z]+ +)?(?:request [0-9a-f]{8}: )?")


def short_id(request: bytes) -> str:
    """The id of a request, as shown in logs."""
    return request[:SHORT_ID_BYTES].hex()


def line(text: str, *, form: str, request: str = "", level: str = "", facts: Mapping[str, Any] | None = None) -> str:
    """A line with its newline; further lines of `text` are indented, so that they cannot pass for separate entries.

    Args:
        request: the short id of the request that the line concerns, if any.
        facts: the contents of the text as fields, for JSON.
    """
    now = time.time()
    if form == "json":
        moment = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03}Z"
        parts = {"time": moment, "level": level.lower(), "request": request}
        fields = {name: value for name, value in parts.items() if value}
        return json.dumps({**fields, "text": text.rstrip(), **(facts or {})}) + "\n"
    body = "\n    ".join(escaped(part) for part in text.rstrip().splitlines())
    about = f"{f'{level.upper():7} ' if level else ''}{f'request {request}: ' if request else ''}"
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(now))} {about}{body}\n"


def text_of(entry: str) -> str:
    """Returns the text of a log line without its time, level and request; any other line unchanged."""
    if entry.startswith('{"time"'):
        try:
            return str(json.loads(entry).get("text", entry))
        except (ValueError, AttributeError):
            return entry
    return _OURS.sub("", entry, count=1)


def concern(request: bytes) -> None:
    """Marks this thread's later lines as concerning a request; an empty id: none."""
    _at_work.request = short_id(request)


class LogStream(io.TextIOWrapper):
    """A replacement for standard error that turns each line into a log line."""

    def __init__(self, descriptor: int, form: str) -> None:
        super().__init__(
            _Log(descriptor, "w", closefd=False), encoding="utf-8", errors="backslashreplace", write_through=True
        )
        self._form = form if form in LOG_FORMATS else LOG_FORMATS[0]
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
        if made := "".join(line(text, form=self._form, request=request) for text in lines if text.strip()):
            super().write(made)


class _Log(io.FileIO):
    """The log. A write that fails, on a full disk, is lost without ending a job or thread."""

    def write(self, data: Any) -> int:
        try:
            super().write(data)
        except OSError:
            pass
        return len(data)
