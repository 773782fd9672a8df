"""How far a download is, how fast, and how long it will still take, in a line at the bottom of the terminal."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from hushd.display import clock

from .console import StatusLine
from .listen.progress import Pace

if TYPE_CHECKING:
    from hushd.transport.model_requests import OnProgress

BARS = (30, 10, 0)  # how wide, the first for which the line has room


class DownloadLine:
    """Shows one download after the other; what it is called with is what `Client.on_pull` is."""

    def __init__(self) -> None:
        self._line = StatusLine()
        self._what = ""
        self._done = 0.0
        self._pace = Pace()

    def __call__(self, what: str, done: float, total: float) -> None:
        """`done` of `total` bytes of `what` are here; `total` is 0 where it is unknown."""
        self.show(what, done, total, time.monotonic())

    def show(self, what: str, done: float, total: float, now: float) -> None:
        """The same, at the time `now`."""
        if what != self._what or done < self._done:
            self._what, self._done, self._pace = what, 0.0, Pace()
        self._pace.add(done - self._done, now)
        self._done = done
        if total and done >= total:
            self._line.clear()
        else:
            self._line.show(lambda columns: line(what, done, total, self._pace.rate, columns))

    def clear(self) -> None:
        """Takes it off the screen."""
        self._line.clear()


@cache
def _line() -> DownloadLine:
    return DownloadLine()  # not before it is needed: standard error may be put elsewhere until then


@contextmanager
def shown_pulls() -> Iterator[OnProgress]:
    """What `Client.on_pull` is, to show how far a model is that a request waits for; afterwards the line is free."""
    try:
        yield lambda model, done, total: _line()(model, done, total)
    finally:
        _line().clear()


def line(what: str, done: float, total: float, rate: float, columns: int) -> str:
    """`faster-whisper/base [####      ] 59 of 148 MB, 12 MB/s, 0:07 left` in less than `columns` characters."""
    if not total:
        return f"{what} …"[: max(0, columns - 1)]
    unit, name = (1e9, "GB") if total >= 1e9 else (1e6, "MB")
    digits = 2 if unit == 1e9 else 0 if total >= 1e7 else 1
    text = f"{done / unit:.{digits}f} of {total / unit:.{digits}f} {name}"
    if rate:
        text += f", {rate / 1e6:.{0 if rate >= 1e7 else 1}f} MB/s, {clock(math.ceil((total - done) / rate))} left"
    for width in BARS:
        bar = "[" + ("#" * int(min(1.0, done / total) * width)).ljust(width) + "] " if width else ""
        if len(shown := f"{what} {bar}{text}") < columns:
            return shown
    return f"{100 * done / total:.0f} %"[: max(0, columns - 1)]
