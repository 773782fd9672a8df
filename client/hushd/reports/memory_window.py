"""A stretch of time in the record of memory: averages, starts and exits, and workers, also as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from hushd_protocol import JsonObject
from hushd_protocol.light_dataclass import dataclass

from . import memory_record as record
from .display import clock
from .memory_record import Entry, Moment, Use

if TYPE_CHECKING:
    from hushd_schema.status import Status

RIVAL = "a server that never unloads"


@dataclass(frozen=True, slots=True)
class Window:
    """The record from `start` to `end`, in seconds since 1970."""

    start: float
    end: float
    entries: Sequence[Entry]
    moments: Sequence[Moment]

    @classmethod
    def last(
        cls,
        span: float,
        entries: Sequence[Entry],
        status: Status | None,
        now: float,
    ) -> Self | None:
        """The last `span` seconds of `entries`, with what holds `now`; None when nothing was recorded yet.

        Args:
            status: of the supervisor that runs; None when none does.
        """
        entries = record.until_now(entries, status, now)
        if not entries:
            return None
        start = max(now - span, entries[0].time)
        return cls(start, now, entries, record.window(record.moments(entries), start, now))

    @property
    def uses(self) -> list[Use]:
        """The workers, by the time that they lived."""
        return record.uses(self.entries, self.moments)

    @property
    def changes(self) -> list[Entry]:
        """The starts and exits."""
        return [e for e in self.entries if e.event in ("start", "exit") and self.start <= e.time <= self.end]

    @property
    def summary(self) -> str:
        """One sentence: both averages."""
        held, theirs = record.mean(self.moments)
        return (
            f"Memory held on average for {clock(self.end - self.start)}: {megabytes(held):.0f} MB; "
            f"by {RIVAL}: {megabytes(theirs):.0f} MB."
        )

    def data(self, points: int = 0) -> JsonObject:
        """The object under `memory` in `GET /v1/activity`; with `points`, thinned to that many equal parts."""
        held, theirs = record.mean(self.moments)
        moments = record.highest(self.moments, points) if points else self.moments
        return {
            "start": self.start,
            "end": self.end,
            "mean_mb": round(megabytes(held), 1),
            "never_unloaded_mean_mb": round(megabytes(theirs), 1),
            "moments": [_moment(moment) for moment in moments],
            "events": [{"time": entry.time, "event": entry.event, "name": entry.name} for entry in self.changes],
            "workers": [_use(use) for use in self.uses],
        }


def megabytes(size: float) -> float:
    """MB of bytes."""
    return size / 1e6


def _moment(moment: Moment) -> JsonObject:
    return {
        "time": moment.time,
        "supervisor_mb": round(megabytes(moment.supervisor), 1),
        "workers_mb": {name: round(megabytes(size), 1) for name, size in moment.workers.items()},
        "mapped_mb": {name: round(megabytes(size), 1) for name, size in moment.mapped.items()},
        "never_unloaded_mb": round(megabytes(moment.resident), 1),
    }


def _use(use: Use) -> JsonObject:
    return {
        "name": use.name,
        "starts": use.starts,
        "seconds": round(use.seconds, 1),
        "most_mb": round(megabytes(use.most), 1),
        "most_mapped_mb": round(megabytes(use.mapped), 1),
    }
