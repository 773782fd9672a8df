"""The format of a history: what the parties of a simulation saw of it, as lines of JSON.

Each line is one event, an object with the fields

    at       seconds of the simulation's clock
    party    the one that saw it: a client, the harness; unique in the history
    request  the request that it is about, unique in the history; empty: none, the event is the party's own
    event    its kind, one of `KINDS`
    …        the fields of that kind

**Times.** An event is written before the party acts (`invoke`, `released`, `cancelled`, `closed`) or after it has seen
something (all others). So an `invoke` and its end are an interval in which the thing itself happened, somewhere; of
two requests whose intervals overlap, either may have been first.

**A request** begins with one `invoke` and ends once: `ok`, or `fail` with a code. A party that is killed leaves
requests without an end; a `fault` says so.

**Positions.** `audio` and `segment` give a stretch from `start` to `stop`, counted over the whole request, whatever was
repeated or resumed on the way. Whoever writes them takes them from the content.

**Epochs.** `epoch` tells supervisors apart (its process number will do): what one of them granted ends with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

ENDS = ("ok", "fail")

# The fields that an event of each kind must have. Those of `invoke` by its operation are in OPERATIONS.
KINDS: dict[str, tuple[str, ...]] = {
    # A request, from beginning to end.
    "invoke": ("op",),
    "cancelled": (),  # the party is about to say that it no longer wants it
    "ok": (),  # may have `length`, the units of all its audio or of its transcript
    "fail": ("code",),
    # What a claim to the floor is told, and does; `epoch` says by whom.
    "granted": ("epoch",),  # may have `machine`, whose floor it is, where that is not the claim's
    "released": ("keep",),  # silent, and about to give the devices back; `keep`: until its next turn
    # What comes of a request.
    "audio": ("start", "stop"),  # received by the client
    "segment": ("index", "start", "stop"),  # of a transcript
    # What concerns a party, and no request.
    "closed": (),  # it leaves in good order: each of its requests has ended
    # Written by the harness.
    "fault": ("kind", "target"),  # before it is done; `target`: a party, a worker, `supervisor`, `machine`; `until`
    "calm": (),  # no fault from now on
}

OPERATIONS: dict[str, tuple[str, ...]] = {
    "claim": ("devices", "priority"),  # may have `machine`, whose floor it is
    "speak": (),  # may have `length`
    "transcribe": (),  # the same; and `gapless`: each segment begins where the last one ended
    "status": (),
    "unload": (),
    "other": (),
}


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
    def of(line: bytes) -> Event:
        """Reads a line that `line` has written."""
        fields = json.loads(line)
        at, party, request, kind = (fields.pop(name) for name in ("at", "party", "request", "event"))
        return Event(at, party, request, kind, fields)

    def check(self) -> None:
        """Raises ValueError where the event lacks a field of its kind: a mistake of its writer."""
        needed = KINDS[self.kind]
        if self.kind == "invoke":
            needed += OPERATIONS[self.more["op"]]
        if missing := [name for name in needed if name not in self.more]:
            raise ValueError(f"{self.kind} without {', '.join(missing)}")
