"""A program's claim to the speaker, the microphone or both, or to the wake word, and which claims of a program end
others.

Within one client the rules are speech-dispatcher's. When a claim with the speaker arrives:

============= ====================== ======================================================================
arriving      ends speaking claims   ends waiting claims
============= ====================== ======================================================================
important     all lower ones         notification, progress
message       all lower ones         all lower ones
text          text and lower ones    text and lower ones
notification  notification           notification; refused itself if anything else is left
progress      none                   progress, so that of a burst the one being said and the last are heard
============= ====================== ======================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

from hushd_protocol.errors import HushdError
from hushd_protocol.limits import PRIORITIES
from hushd_schema.status import TurnStatus

SPEAKER, MICROPHONE, WAKE = DEVICES = ("speaker", "microphone", "wake")
SHARED = frozenset((WAKE,))  # the microphone while programs wait for a wake word: many may hold it, all are shown

IMPORTANT, MESSAGE, TEXT, NOTIFICATION, PROGRESS = range(len(PRIORITIES))

# A claim that arrives ends its client's speaking claims of the first ranks and the waiting ones of the second; its own
# rank is the index.
ENDS: tuple[tuple[set[int], set[int]], ...] = (
    ({MESSAGE, TEXT, NOTIFICATION, PROGRESS}, {NOTIFICATION, PROGRESS}),
    ({TEXT, NOTIFICATION, PROGRESS}, {TEXT, NOTIFICATION, PROGRESS}),
    ({TEXT, NOTIFICATION, PROGRESS}, {TEXT, NOTIFICATION, PROGRESS}),
    ({NOTIFICATION}, {NOTIFICATION}),
    (set(), {PROGRESS}),
)


@dataclass(slots=True, eq=False)
class Claim:
    """One claim, from `claim` until its devices are free."""

    route: bytes
    id: bytes
    client: str
    pid: int
    devices: frozenset[str]
    rank: int
    number: int
    asked_at: float
    obeys: bool = False  # pauses with the others, even if it only listens
    holds: bool = False
    since: float = 0.0  # time when the claim was granted the devices
    until: float = math.inf  # time when its devices are taken away, once it was asked to be silent
    over: bool = False  # its terminal message was sent
    paused: bool = False
    reported: str = ""  # the last state sent to the client

    @property
    def speaks(self) -> bool:
        return SPEAKER in self.devices

    @property
    def pauses(self) -> bool:
        """True if a pause concerns it."""
        return self.speaks or WAKE in self.devices or self.obeys

    @property
    def exclusive(self) -> frozenset[str]:
        """The devices that only one claim may hold."""
        return self.devices - SHARED

    @property
    def state(self) -> str:
        """The state, in the word that the client is told."""
        if self.holds and not self.leaves:
            return "granted"
        return "paused" if self.paused else "waiting"

    @property
    def leaves(self) -> bool:
        """True if it must give its devices back."""
        return self.until < math.inf

    def status(self, now: float) -> TurnStatus:
        """The claim's entry in the status, while it holds devices."""
        return TurnStatus(
            turn=self.number,
            client=self.client,
            pid=self.pid,
            priority=PRIORITIES[self.rank],
            for_s=round(now - self.since, 1),
        )


def resolve(
    names: Collection[str], route: bytes, named: Callable[[str], set[bytes]]
) -> tuple[set[int], set[bytes], bool]:
    """Returns the claim numbers and connections that `names` stand for, and whether they stand for all.
    Raises `bad_request` for a name that no client has."""
    numbers: set[int] = set()
    routes: set[bytes] = set()
    for name in names:
        if name.isascii() and name.isdecimal():
            numbers.add(int(name[:20]))  # a claim that has ended meanwhile is not an error
        elif named_routes := {route} if name == "self" else named(name):
            routes |= named_routes
        else:
            raise HushdError(
                "bad_request", f"No client is called {name[:40]!r}: `hushd status` lists the clients that speak."
            )
    return numbers, routes, not names
