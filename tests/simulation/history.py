"""The history of a simulation: what its parties saw, as lines of JSON.

Each line is one event, an object with the fields

    at       seconds of the simulation's clock
    party    the one that saw it: a client, the harness; unique in the history
    request  the request that it is about, unique in the history; empty: none, the event is the party's own
    event    its kind
    …        the fields of that kind, which follow here; those in brackets may be left out

    invoke     op [machine]     the request begins; `machine`: whose loudspeaker a claim is for
    cancelled                   the party is about to say that it no longer wants it
    ok                          it ends as it should
    fail       code             it ends in an error, which says that nothing more will come of it
    granted    epoch machine    a claim is told that it has its loudspeaker; by which supervisor, and of which machine
    released   keep             it is silent, and about to give it back; `keep`: until its next turn
    closed                      the party leaves in good order
    fault      kind target [until]   of the harness, before it is done; `target`: a party, a worker, `supervisor`, …
    calm                        of the harness: no fault from now on

An event is written before the party acts (`invoke`, `released`, `cancelled`, `closed`) or after it has seen something
(all others). So an `invoke` and its end are an interval in which the thing itself happened, somewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ENDS = ("ok", "fail")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a history; see the page above."""

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
    def of(line: bytes) -> Event:
        fields = json.loads(line)
        at, party, request, kind = (fields.pop(name) for name in ("at", "party", "request", "event"))
        return Event(at, party, request, kind, fields)


class Recorder:
    """Writes what one party sees; see the page above.

    Args:
        party: its name, unique in the history.
        write: takes each line.
        clock: seconds, the same clock for all parties.
    """

    def __init__(self, party: str, write: Callable[[bytes], object], clock: Callable[[], float]) -> None:
        self.party = party
        self._write = write
        self._clock = clock

    def saw(self, kind: str, request: str = "", /, **more: Any) -> None:
        """Writes an event that the party has just seen, or that it is about to cause."""
        self._write(Event(self._clock(), self.party, request, kind, more).line())

    def invoke(self, request: str, op: str, /, **more: Any) -> None:
        """Writes that a request is about to be made."""
        self.saw("invoke", request, op=op, **more)

    def ok(self, request: str, /, **more: Any) -> None:
        """Writes that a request has ended as it should."""
        self.saw("ok", request, **more)

    def fail(self, request: str, code: str, /, **more: Any) -> None:
        """Writes that a request has ended in an error, which says that nothing more will come of it."""
        self.saw("fail", request, code=code, **more)
