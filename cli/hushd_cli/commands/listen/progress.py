"""The progress of transcriptions, their speed and the time left. Pure: the time is an argument."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hushd.reports.display import clock
from hushd_protocol.light_dataclass import dataclass

BARS = (30, 10)  # widths, on a wide terminal and on a narrow one
SHORT_LABEL = 12  # characters kept of a long name
LONG_S = 30.0  # audio shorter than this needs no progress
MEMORY_S = 15.0  # of work, after which a speed counts a third
SURE_S = 1.0  # of work, before which no speed is shown


class Pace:
    """Seconds of audio a second, the recent past counting most."""

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
        return self._amount / self._seconds if self._seconds >= SURE_S else 0.0


@dataclass(slots=True)
class _Recording:
    name: str
    size: int
    done: float = 0.0
    total: float = 0.0
    over: bool = False


class Progress:
    """The progress of several recordings, given their names and sizes in bytes, 0 if unknown.

    The length of unopened recordings is guessed from their sizes.
    """

    def __init__(self, recordings: Sequence[tuple[str, int]]) -> None:
        self._recordings = [_Recording(name, size) for name, size in recordings]
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

    def finish(self, index: int, now: float) -> None:
        """Notes that a recording is transcribed to its end."""
        recording = self._recordings[index]
        if recording.total > recording.done:
            self._pace.add(recording.total - recording.done, now)
            recording.done = recording.total
        self.give_up(index)

    def give_up(self, index: int) -> None:
        """Notes that a recording has failed before its end."""
        recording = self._recordings[index]
        recording.over = True
        # The rest of it says nothing about the others' lengths.
        recording.size = round(recording.size * recording.done / recording.total) if recording.total else 0
        recording.total = recording.done

    def line(self, columns: int) -> str:
        """Returns a line of at most `columns` characters; empty while it is not worth showing."""
        done = sum(recording.done for recording in self._recordings)
        total = self._total()
        if max(done, total) < LONG_S:
            return ""
        several = len(self._recordings) > 1
        label = self._recordings[0].name
        if several:
            label = f"{sum(recording.over for recording in self._recordings)} of {len(self._recordings)} files"
        rate = self._pace.rate
        speed = f", {rate:.{0 if rate >= 10 else 1}f}x" if rate else ""
        if not total:
            return _fit(label, [f"{clock(done)} heard{speed}", f"{clock(done)} heard"], columns)
        guessed = "~" if any(not (recording.total or recording.over) for recording in self._recordings) else ""
        amount = f"{clock(done)} of {guessed}{clock(total)}"
        left = f", {clock(math.ceil((total - done) / rate))} left" if rate else ""
        bars = ["[" + ("#" * int(min(1.0, done / total) * width)).ljust(width) + "] " for width in BARS]
        return _fit(label, [*(f"{bar}{amount}{speed}{left}" for bar in (*bars, "")), amount], columns)

    def _total(self) -> float:
        """Returns the seconds of all recordings; 0 if they cannot even be estimated."""
        sized = [recording for recording in self._recordings if recording.total]
        seconds, size = sum(recording.total for recording in sized), sum(recording.size for recording in sized)
        for recording in self._recordings:
            if not recording.total and not recording.over:
                if not (size and recording.size):
                    return 0.0
                seconds += recording.size * sum(other.total for other in sized) / size
        return seconds


def _fit(label: str, texts: Sequence[str], columns: int) -> str:
    """Returns the label and the first of `texts` that fit, shortening the label; the last column stays free."""
    for text in texts:
        room = columns - 1 - len(text) - 1
        if room >= min(len(label), SHORT_LABEL):
            return f"{label if len(label) <= room else label[: room - 1] + '…'} {text}"
    return texts[-1][: max(0, columns - 1)]
