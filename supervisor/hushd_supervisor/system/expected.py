"""The pipe by which commands say which request will come, before they import their client."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from contextlib import suppress
from pathlib import Path

import zmq
from hushd_protocol.system import best_effort

from hushd_supervisor.core.events import Expected

from .source import Source

_LINES_BYTES = 4096  # bytes that are read in a turn
_AT_ONCE = 8  # lines of these, and words of a line, that count


class ExpectedRequests(Source):
    """The pipe at `path`, made under the lock. A line has a role, and the languages that the request will have."""

    def __init__(self, path: Path) -> None:
        self._path, self._pipe = path, -1
        first = os.environb.pop(b"HUSHD_EXPECTED", b"")  # the line of the command that has started us
        with best_effort.writing(path):
            path.unlink(missing_ok=True)
            os.mkfifo(path, 0o600)
            self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)  # written here, too: it has no end
            os.write(self._pipe, first and first + b"\n")

    def register(self, poller: zmq.Poller) -> None:
        if self._pipe >= 0:
            poller.register(self._pipe, zmq.POLLIN)

    def events(self, ready: Container[object], now: float) -> Iterator[Expected]:
        with suppress(BlockingIOError):  # another program has read the lines
            text = os.read(self._pipe, _LINES_BYTES).decode(errors="replace") if self._pipe in ready else ""
            for role, *languages in filter(None, map(str.split, list(dict.fromkeys(text.splitlines()))[:_AT_ONCE])):
                yield Expected(role, tuple(languages[:_AT_ONCE]))

    def close(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            with best_effort.writing(self._path):
                self._path.unlink(missing_ok=True)
