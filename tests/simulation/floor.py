"""The rules of a loudspeaker, by the history: it has one holder at a time, and nobody waits for one that is free.

A claim holds it from when its party has seen `granted` until it gives it back by itself, or until it is told otherwise,
less the time for which that news may have been under way. In between it is certain, unless a fault befell the party,
which may not have noticed then that it had lost it, or the supervisor, whose grants end with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .history import ENDS, Event

SLACK_S = 1.0  # for which a message may be under way, and a party busy with something else
GRACE_S = 1.0  # to fall silent, once told
OWN = ("released", "cancelled")  # by which a claim gives its loudspeaker back itself


class Hold(NamedTuple):
    """A stretch of time in which a claim certainly held the loudspeaker of a machine."""

    start: float
    stop: float
    epoch: object
    request: str

    def __str__(self) -> str:
        return f"{self.request} had the loudspeaker from {self.start:.3f} to {self.stop:.3f}"


def shared(events: Iterable[Event]) -> Iterator[str]:
    """Yields a sentence for each claim that has a loudspeaker while another one has it; of events in order.

    What a supervisor has granted ends with it: its client learns that late, and has a moment to be silent.
    """
    for holds in _holds(list(events)).values():
        last = None
        for hold in sorted(holds):
            if last is not None and last.request != hold.request:
                excused = 0.0 if hold.epoch == last.epoch else GRACE_S + SLACK_S
                if hold.start < last.stop - excused:
                    yield f"{hold}, which {last}"
            if last is None or hold.stop > last.stop:
                last = hold


def _holds(events: list[Event]) -> dict[str, list[Hold]]:
    """The holds of each machine's loudspeaker."""
    faults = [event for event in events if event.kind == "fault"]
    holds: defaultdict[str, list[Hold]] = defaultdict(list)
    for machine, claim in _claims(events):
        for number, granted in enumerate(claim):
            if granted.kind != "granted" or not granted.more["epoch"]:
                continue  # without a supervisor nobody grants anything
            after = next((event for event in claim[number + 1 :] if event.kind in (*OWN, *ENDS)), None)
            if after is None:
                continue  # its end is unknown
            told = after.at if after.kind in OWN else after.at - SLACK_S
            stop = min(told, _first_fault(faults, granted.at, (granted.party, "supervisor")))
            if stop > granted.at:
                hold = Hold(granted.at, stop, granted.more["epoch"], granted.request)
                holds[granted.more.get("machine", machine)].append(hold)
    return holds


def _claims(events: Iterable[Event]) -> list[tuple[str, list[Event]]]:
    """The events of each claim, with the machine whose loudspeaker it is for."""
    claims: dict[str, tuple[str, list[Event]]] = {}
    for event in events:
        if event.kind == "invoke" and event.more["op"] == "claim":
            claims[event.request] = event.more["machine"], []
        if event.request in claims:
            claims[event.request][1].append(event)
    return list(claims.values())


def _first_fault(faults: list[Event], since: float, targets: tuple[str, ...]) -> float:
    """The time of the first fault that befell one of the targets after `since`, or that lasted then."""
    befell = [fault for fault in faults if fault.more["target"] in targets]
    lasted = (max(fault.at, since) for fault in befell if max(fault.at, fault.more.get("until", fault.at)) >= since)
    return min(lasted, default=float("inf"))


def in_vain(events: Iterable[Event]) -> Iterator[tuple[str, float, float]]:
    """Yields each stretch of time in which a claim waited for a loudspeaker that nobody had, and the request that ended
    it."""
    machines: dict[str, _Loudspeaker] = {}
    claims: dict[str, _Loudspeaker] = {}
    for event in events:
        if event.kind == "invoke" and event.more["op"] == "claim":
            claims[event.request] = machines.setdefault(event.more["machine"], _Loudspeaker())
        if (speaker := claims.get(event.request)) and (free := speaker.take(event)):
            yield event.request, *free


class _Loudspeaker:
    """A loudspeaker with its holders and those who wait for it."""

    def __init__(self) -> None:
        self._holders: set[str] = set()
        self._waiting: set[str] = set()
        self._since = 0.0  # when somebody began to wait for it while it was free

    def take(self, event: Event) -> tuple[float, float] | None:
        """Takes an event of a claim; returns from when to when somebody has waited in vain, if that ends with it."""
        idle = bool(self._waiting) and not self._holders
        interval = (self._since, event.at) if idle else None
        self._holders.discard(event.request)
        self._waiting.discard(event.request)
        if event.kind == "granted":
            self._holders.add(event.request)
        elif event.kind == "invoke" or (event.kind == "released" and event.more["keep"]):
            self._waiting.add(event.request)
        if not idle or event.kind == "granted":
            self._since = event.at
        return interval
