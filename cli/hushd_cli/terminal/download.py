"""Shows the progress, speed and time left of a download in a line at the bottom of the terminal."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from hushd.reports.display import clock

from hushd_cli.commands.listen.progress import Pace

from .console import StatusLine

if TYPE_CHECKING:
    from hushd.transport.model_requests import OnProgress

BARS = (30, 10, 0)  # widths; the first that fits the line is used


class DownloadLine:
    """Shows one download after another; can be `Client.on_pull`."""

    def __init__(self) -> None:
        self._line = StatusLine()
        self._what = ""
        self._done = 0.0
        self._pace = Pace()

    def __call__(self, what: str, done: float, total: float) -> None:
        """Shows that `done` of `total` bytes of `what` have arrived; `total` is 0 if unknown."""
        self.show(what, done, total, time.monotonic())

    def show(self, what: str, done: float, total: float, now: float) -> None:
        """Shows the progress at the time `now`."""
        if what != self._what or done < self._done:
            self._what, self._done, self._pace = what, 0.0, Pace()
        self._pace.add(done - self._done, now)
        self._done = done
        if total and done >= total:
            self._line.clear()
        else:
            self._line.show(lambda columns: line(what, done, total, self._pace.rate, columns))

    def clear(self) -> None:
        """Removes the line."""
        self._line.clear()


@cache
def _line() -> DownloadLine:
    return DownloadLine()  # made when needed, since standard error may be redirected until then


@contextmanager
def shown_pulls() -> Iterator[OnProgress]:
    """Yields a callback for `Client.on_pull` that shows the download a request waits for, and removes it at the end."""
    try:
        yield lambda model, done, total: _line()(model, done, total)
    finally:
        _line().clear()


def line(what: str, done: float, total: float, rate: float, columns: int) -> str:
    """Returns `faster-whisper/base [####      ] 59 of 148 MB, 12 MB/s, 0:07 left`, shorter than `columns`."""
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


@contextmanager
def shown_waits() -> Iterator[Callable[[str], None]]:
    """Yields a callback for `Client.on_wait` that shows what a request waits for, and removes it at the end."""
    line = StatusLine()
    try:
        yield lambda note: line.show(lambda columns: f"{note} …"[: max(0, columns - 1)]) if note else line.clear()
    finally:
        line.clear()
