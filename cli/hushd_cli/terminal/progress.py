"""The progress of transcriptions and downloads as a line at the bottom of the terminal.

Everything but a download's is pure: the time is an argument.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from hushd.reports.display import clock

from .console import StatusLine

if TYPE_CHECKING:
    from hushd.client import Client
    from hushd_schema.operations.models import ModelResult

BARS = (30, 10, 0)  # widths; the first that fits the line is used
SHORT_LABEL = 12  # characters kept of a long name
PROGRESS_MIN_S = 30.0  # audio shorter than this needs no progress
MEMORY_S = 15.0  # seconds of work after which a speed counts a third
MIN_SPEED_S = 1.0  # seconds of work before which no speed is shown


class Pace:
    """Units of work a second, the recent past counting most."""

    def __init__(self) -> None:
        self._amount = 0.0
        self._seconds = 0.0
        self._last: float | None = None

    def add(self, amount: float, now: float) -> None:
        """Adds `amount`, done until `now`; the first call only starts the clock, since its duration is unknown."""
        if self._last is not None:
            passed = max(0.0, now - self._last)
            fading = math.exp(-passed / MEMORY_S)
            self._amount = self._amount * fading + amount
            self._seconds = self._seconds * fading + passed
        self._last = now

    @property
    def rate(self) -> float:
        """The rate; 0 while it is unknown."""
        return self._amount / self._seconds if self._seconds >= MIN_SPEED_S else 0.0


def bars(share: float) -> list[str]:
    """Returns bars of which a share is full, the widest first, and at last none."""
    return ["[" + ("#" * int(min(1.0, share) * width)).ljust(width) + "] " if width else "" for width in BARS]


def fitted(texts: Sequence[str], columns: int, label: str = "") -> str:
    """Returns the label and the first of `texts` that fit, shortening the label; the last column stays free."""
    for text in texts:
        room = columns - 1 - len(text) - bool(label)
        if room >= min(len(label), SHORT_LABEL):
            return f"{label if len(label) <= room else label[: room - 1] + '…'} {text}" if label else text
    return texts[-1][: max(0, columns - 1)]


# --- transcriptions ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Recording:
    name: str
    done: float = 0.0
    total: float = 0.0
    over: bool = False


class Progress:
    """The progress of the recordings of these names."""

    def __init__(self, names: Sequence[str]) -> None:
        self._recordings = [_Recording(name) for name in names]
        self._pace = Pace()

    def begin(self, index: int, done: float) -> None:
        """Notes that an earlier run transcribed `done` seconds of a recording."""
        self._recordings[index].done = done

    def heard(self, index: int, done: float, total: float, now: float) -> None:
        """Notes that `done` of `total` seconds of a recording are transcribed; `total` is 0 if unknown."""
        recording = self._recordings[index]
        recording.total = total or recording.total
        more = max(0.0, done - recording.done)
        recording.done += more
        self._pace.add(more, now)

    def total(self, index: int) -> float:
        """Returns the seconds of a recording; 0 while unknown."""
        return self._recordings[index].total

    def finish(self, index: int, done: float, now: float) -> None:
        """Notes that a recording is transcribed to its end, or as far as it could be read: `done` seconds."""
        self.heard(index, done, 0.0, now)
        self._recordings[index].over = True

    def give_up(self, index: int) -> None:
        """Notes that a recording has failed before its end."""
        self._recordings[index].over = True

    def line(self, columns: int) -> str:
        """Returns a line of at most `columns` characters; empty while it is not worth showing."""
        done, (first, *others) = sum(each.done for each in self._recordings), self._recordings
        if max(done, first.total) < PROGRESS_MIN_S:
            return ""
        label, rate = first.name, self._pace.rate
        speed = f", {rate:.{0 if rate >= 10 else 1}f}x" if rate else ""
        if others:
            label = f"{sum(each.over for each in self._recordings)} of {len(self._recordings)} files"
        if others or not first.total:
            return fitted([f"{clock(done)} heard{speed}", f"{clock(done)} heard"], columns, label)
        amount = f"{clock(done)} of {clock(first.total)}"
        left = f", {clock(math.ceil((first.total - done) / rate))} left" if rate else ""
        return fitted([*(f"{bar}{amount}{speed}{left}" for bar in bars(done / first.total)), amount], columns, label)


# --- downloads --------------------------------------------------------------------------------------------------------


class DownloadLine:
    """Shows one download after another; can be `Client.on_pull`."""

    def __init__(self) -> None:
        self._line = StatusLine()
        self._what = ""
        self._done = 0.0
        self._pace = Pace()

    def __call__(self, what: str, done: float, total: float) -> None:
        """Shows that `done` of `total` bytes of `what` have arrived; `total` is 0 if unknown."""
        if what != self._what or done < self._done:
            self._what, self._done, self._pace = what, 0.0, Pace()
        self._pace.add(done - self._done, time.monotonic())
        self._done = done
        if total and done >= total:
            self._line.clear()
        else:
            self._line.show(lambda columns: download(what, done, total, self._pace.rate, columns))

    def clear(self) -> None:
        self._line.clear()


def download(what: str, done: float, total: float, rate: float, columns: int) -> str:
    """Returns `faster-whisper/base [####      ] 59 of 148 MB, 12 MB/s, 0:07 left`, shorter than `columns`."""
    if not total:
        return f"{what} …"[: max(0, columns - 1)]
    unit, name = (1e9, "GB") if total >= 1e9 else (1e6, "MB")
    digits = 2 if unit == 1e9 else 0 if total >= 1e7 else 1
    text = f"{done / unit:.{digits}f} of {total / unit:.{digits}f} {name}"
    if rate:
        text += f", {rate / 1e6:.{0 if rate >= 1e7 else 1}f} MB/s, {clock(math.ceil((total - done) / rate))} left"
    return fitted([*(f"{what} {bar}{text}" for bar in bars(done / total)), f"{100 * done / total:.0f} %"], columns)


@cache
def download_line() -> DownloadLine:
    return DownloadLine()  # made when needed, since standard error may be redirected until then


def pulled(client: Client, model: str) -> ModelResult:
    """Pulls a model, and shows how far it has come; raises as `Client.pull` does."""
    line = download_line()
    try:
        return client.pull(model, on_progress=lambda what, *bytes: line(model if bytes[1] else what or model, *bytes))
    finally:
        line.clear()
