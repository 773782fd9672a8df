"""The format of a history: what the parties of a storm, real or simulated, saw of it, as lines of JSON.

A history is any number of files. Each line is one event, an object with the fields

    at       seconds of a clock that all parties share and that never goes back: CLOCK_MONOTONIC, or a simulation's
    party    the one that saw it: a client, a loudspeaker, the harness; unique in the history
    request  the request that it is about, unique in the history; empty: none, the event is the party's own
    event    its kind, one of `KINDS`
    …        the fields of that kind

**Times.** An event is written before the party acts (`invoke`, `released`, `cancelled`, `closed`) or after it has seen
something (all others). So an `invoke` and its end are an interval in which the thing itself happened, somewhere; of
two requests whose intervals overlap, either may have been first. A party's own events are in the order of their times,
those of equal time in the order of their lines; of two parties nothing but the times is known.

**A request** begins with one `invoke` and ends once: `ok`, `fail` with a code, or `unknown`, when its party cannot know
(the connection was lost, and the thing may happen yet, or may have happened). A party that is killed leaves
requests without an end; that is `unknown` too, if a `fault` or the missing `closed` of the party says so.

**Positions.** `audio`, `sound` and `segment` give a stretch from `start` to `stop` in units of the writer's choice
(samples, bytes, words, seconds), counted over the whole request, whatever was repeated or resumed on the way. Whoever
writes them takes them from the content: a test's engine makes audio in which each sample says its place.

**Epochs.** `epoch` tells supervisors apart (its process number will do): what one of them granted ends with it.

An event of an unknown kind, or without a field of its kind, is a mistake of the writer and refused; fields beyond are
allowed. A last line without its end, which a killed writer may leave, is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENDS = ("ok", "fail", "unknown")

# The fields that an event of each kind must have. Those of `invoke` by its operation are in OPERATIONS.
KINDS: dict[str, tuple[str, ...]] = {
    # A request, from beginning to end.
    "invoke": ("op",),
    "again": (),  # asked again, of the same supervisor or of the next, under the same name
    "cancelled": (),  # the party is about to say that it no longer wants it
    "ok": (),  # may have `length`, the units of all its audio or of its transcript; of a status, `workers`: their names
    "fail": ("code",),
    "unknown": (),  # may have `why`
    # What a claim to the floor is told, and does; `epoch` says by whom.
    "waiting": ("epoch",),
    "granted": ("epoch",),  # may have `machine`, whose floor it is, where that is not the claim's
    "paused": ("epoch",),
    "released": ("keep",),  # silent, and about to give the devices back; `keep`: until its next turn
    # What comes of a request.
    "audio": ("start", "stop"),  # received by the client
    "sound": ("start", "stop"),  # heard at the loudspeaker; may have `claim`, under which it is played
    "segment": ("index", "start", "stop"),  # of a transcript
    "worker": ("worker", "pid", "leases"),  # a row of a status: leases by holder, seconds left or null for no end
    "lost": (),  # the connection by which it was asked for has ended
    # What concerns a party, and no request.
    "closed": (),  # it leaves in good order: each of its requests has ended
    # Written by the harness.
    "fault": ("kind", "target"),  # before it is done; `target`: a party, a worker, `supervisor`, `machine`; `until`
    "calm": ("bound",),  # no fault from now on; within `bound` seconds everything is at rest
    # The remains: the workers' states by name, who has the devices (or null), how many claims wait, leases as
    # [worker, holder, seconds left or null], and bytes: by the supervisor's account, of its processes, and their
    # difference that is within measuring.
    "rest": ("workers", "speaker", "microphone", "waiting", "leases", "account", "processes", "within"),
}

OPERATIONS: dict[str, tuple[str, ...]] = {
    "claim": ("devices", "priority"),  # may have `machine`, whose floor it is
    "speak": (),  # may have `length`; and what makes a lease: `worker`, `holder`, `keep_alive`
    "transcribe": (),  # the same; and `gapless`: each segment begins where the last one ended
    "unload": ("workers",),  # their names or the beginnings of names; none for all
    "status": (),
    "pause": (),  # of the floor, like the next two; `names`, none for all
    "resume": (),
    "stop": (),
    "other": (),
}


class MalformedHistoryError(ValueError):
    """A line that is not an event; the message is a sentence that names its place."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a history; see the page above.

    Attributes:
        more: the fields of its kind.
    """

    at: float
    party: str
    request: str
    kind: str
    more: dict[str, Any] = field(default_factory=dict)

    def line(self) -> bytes:
        """The event as it is written."""
        common = {"at": round(self.at, 6), "party": self.party, "request": self.request, "event": self.kind}
        return json.dumps(common | self.more, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"

    @staticmethod
    def of(line: str | bytes) -> Event:
        """Reads a line.

        Raises:
            MalformedHistoryError: it is not an event.
        """
        try:
            fields = json.loads(line)
            at, kind = float(fields.pop("at")), fields.pop("event")
            event = Event(at, str(fields.pop("party")), str(fields.pop("request")), kind, fields)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise MalformedHistoryError(f"is not an event: {type(error).__name__}: {error}") from None
        event.check()
        return event

    def check(self) -> None:
        """Checks that the event has the fields of its kind.

        Raises:
            MalformedHistoryError: it lacks one.
        """
        if self.kind not in KINDS:
            raise MalformedHistoryError(f"has an event of an unknown kind, {str(self.kind)[:40]!r}")
        needed = KINDS[self.kind]
        if self.kind == "invoke":
            needed += OPERATIONS.get(self.more.get("op", ""), ())
            if self.more.get("op", "other") not in OPERATIONS:
                raise MalformedHistoryError(f"has an unknown operation, {str(self.more['op'])[:40]!r}")
        for name in needed:
            if name not in self.more:
                raise MalformedHistoryError(f"is {self.kind!r} without {name!r}")


def read(files: Iterable[Path]) -> list[Event]:
    """Reads the files of one history; returns its events in the order of their times.

    Raises:
        MalformedHistoryError: a line is not an event.
        OSError: a file cannot be read.
    """
    return sorted((event for file in files for event in _read(file)), key=lambda event: event.at)


def _read(file: Path) -> Iterator[Event]:
    with open(file, "rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                return  # its writer was killed, or had no disk left
            try:
                yield Event.of(line)
            except MalformedHistoryError as error:
                raise MalformedHistoryError(f"{file}, line {number}: {error}.") from None
