"""The floor: grants the speaker and the microphone, so that two programs never talk over each other.

A claim asks for the speaker, the microphone or both, and gets all of it at once or waits. Who listens in the
background, for a word or for captions, claims `wake`, which everybody may have at once: so it is known who listens, and
a pause ends it. Claims are served by priority and, within one priority, in order of arrival; one that cannot be served
yet lets others pass that can, for a while.

Within one client the rules of speech-dispatcher decide which claim ends which (see `claim`). Between clients equal
priorities queue; only `important` and `message` interrupt, and only lower priorities. A claim that is ended or paused
while it holds devices is notified, and keeps them until it is silent, for a second at most.

A client that shows no sign of life for 6 s loses its devices, but not its place: when it lives again it goes on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import PRIORITIES

from .actions import Action, Log, ToClient
from .claim import DEVICES, ENDS, MESSAGE, MICROPHONE, NOTIFICATION, SHARED, SPEAKER, WAKE, Claim, resolve
from .holders import NOBODY, Bequest, Holder

if TYPE_CHECKING:
    from hushd_schema.status import FloorStatus

GRACE_S = 1.0  # to fade out and close the device
LEASE_S = 6.0  # without a sign of life; the pool pings every 2 s
# The last of these, after one ping more. On a machine that thrashes, supervisor and clients stand still together again
# and again, and what was not answered in a second that took three was not heard by anybody.
LAST_S = 1.0
PATIENCE_S = 10.0  # after which no other claim passes one that waits for two devices
MAX_CLAIMS = 200

_PAUSING = ("pause", "resume")
_REPLACED = "Something newer or more urgent of the same program is said instead."
_INTERRUPTED = "Another program has something more urgent to say."
_STOPPED = "It was stopped."


class Floor:
    """All claims of all clients; pure.

    Args:
        bequest: the holders of the supervisor before this one.
    """

    def __init__(self, bequest: Bequest = NOBODY) -> None:
        self._bequest = bequest
        self._claims: dict[tuple[bytes, bytes], Claim] = {}  # in the order of asking
        self._seen: dict[bytes, float] = {}  # the last sign of life of every client with a claim
        self._doubted: dict[bytes, float] = {}  # until when those may answer that were pinged for the last time
        self._silent: set[bytes] = set()  # clients that show none
        self._all_paused = False
        self._paused: set[bytes] = set()  # clients whose claims are all paused, later ones too
        self._count = 0
        self._closed = False

    # --- what clients do ---------------------------------------------------------------------------------------------

    def claim(self, route: bytes, claim: m.Claim, client: str, pid: int, now: float) -> list[Action]:
        """Takes a new claim, with an id that its connection does not use otherwise."""
        try:
            devices = frozenset(claim.devices)
            if not devices or not devices.issubset(DEVICES):
                raise HushdError("bad_request", f"The floor has only {', '.join(DEVICES[:-1])} and {DEVICES[-1]}.")
            if devices & SHARED and devices - SHARED:
                raise HushdError("bad_request", f"Who claims {WAKE} claims nothing else by the same claim.")
            if claim.priority not in PRIORITIES:
                raise HushdError("bad_request", f"There is no priority {claim.priority[:40]!r}.")
            if self._closed:
                raise HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")
            if len(self._claims) >= MAX_CLAIMS:
                raise HushdError(
                    "overloaded", f"{MAX_CLAIMS} claims to speak or listen wait already; try again later.", 1000
                )
        except HushdError as error:
            return [ToClient(route, m.Error.of(claim.id, error))]
        self._count += 1
        rank = PRIORITIES.index(claim.priority)
        mine = Claim(route, claim.id, client, pid, devices, rank, self._count, now, claim.pauses)
        mine.paused = mine.pauses and (self._all_paused or route in self._paused)
        out: list[Action] = []
        if mine.speaks:
            own = [c for c in self._claims.values() if c.route == route and c.speaks and not c.over]
            for other in own:
                if other.rank in ENDS[rank][0 if other.holds else 1]:
                    out += self._end(other, HushdError("cancelled", _REPLACED), now)
            if rank == NOTIFICATION and any(not other.over for other in own):
                return [*out, ToClient(route, m.Error.of(claim.id, HushdError("cancelled", _REPLACED)))]
        if self._bequest.has(pid, mine.own, now) and not mine.paused:  # nobody else has got them meanwhile
            mine.holds, mine.since = True, now
        self._bequest = self._bequest.without(pid)
        self._claims[route, claim.id] = mine
        self._seen[route] = now
        self._doubted.pop(route, None)
        self._silent.discard(route)
        return out + self._settle(now)

    def give_back(self, route: bytes, name: bytes, keep: bool, now: float) -> list[Action]:
        """Takes back the devices of a client that is silent: for good, or, with `keep`, until its next turn."""
        claim = self._claims.get((route, name))
        if claim is None:
            return []
        out: list[Action] = []
        claim.holds, claim.until = False, math.inf
        if claim.over or not keep:
            self._forget(claim)
        if not claim.over and not keep:
            out.append(ToClient(route, m.Result(id=name)))
        return out + self._settle(now)

    def cancel(self, route: bytes, name: bytes, now: float) -> list[Action]:
        """Ends a claim that its client no longer wants; the client is silent."""
        claim = self._claims.get((route, name))
        if claim is None or claim.over:
            return []
        self._forget(claim)
        error = HushdError("cancelled", "The claim was cancelled.")
        return [ToClient(route, m.Error.of(name, error)), *self._settle(now)]

    def alive(self, route: bytes, now: float) -> list[Action]:
        """Records a sign of life of a client."""
        if route not in self._seen:
            return []
        self._seen[route] = now
        self._doubted.pop(route, None)
        if route not in self._silent:
            return []
        self._silent.discard(route)
        return self._settle(now)

    def gone(self, route: bytes, now: float) -> list[Action]:
        """Forgets the claims of a connection that has ended."""
        self._paused.discard(route)
        for claim in [c for c in self._claims.values() if c.route == route]:
            self._forget(claim)
        return self._settle(now)

    # --- what people do ----------------------------------------------------------------------------------------------

    def control(self, control: m.Control, route: bytes, named: Callable[[str], set[bytes]], now: float) -> list[Action]:
        """Stops the claims that speak; or cancels, pauses or resumes those that speak or wait to.

        A pause and its end concern those that wait for a word as well.

        The answer comes last: `{"turns": [numbers]}` of the claims concerned.

        Args:
            control: its action is `stop`, `cancel`, `pause` or `resume`; its names are numbers of claims, names of
                clients, or `self`, and none means all.
            route: the client that asks.
            named: returns the connections of a client.

        Raises:
            HushdError: `bad_request` for a name that no client has.
        """
        from hushd_schema.controls import Turns  # once somebody asks

        action = control.action
        numbers, routes, everybody = resolve(control.names, route, named)
        out: list[Action] = []
        turns = []
        concerned = [c for c in self._claims.values() if not c.over and (c.speaks or (c.pauses and action in _PAUSING))]
        for claim in concerned:
            chosen = claim.number in numbers
            if not (chosen or everybody or claim.route in routes):
                continue
            if action == "stop" and not chosen and not claim.holds:
                continue
            turns.append(claim.number)
            if action in ("stop", "cancel"):
                out += self._end(claim, HushdError("cancelled", _STOPPED), now)
            else:
                claim.paused = action == "pause"
                if claim.paused and claim.holds:
                    claim.until = min(claim.until, now + GRACE_S)
        if action == "pause":
            self._all_paused |= everybody
            self._paused |= routes
        elif action == "resume":
            self._all_paused &= not everybody
            self._paused = set() if everybody else self._paused - routes
        out += self._settle(now)
        return [*out, ToClient(route, m.Result(id=control.id, data=Turns(turns=tuple(turns)).data()))]

    # --- time --------------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """The time at which `on_time` is due; `math.inf` for never."""
        if not (self._claims or self._seen):
            return math.inf
        due = min((c.until for c in self._claims.values()), default=math.inf)
        if self._bequest.holders:
            due = min(due, self._bequest.until)
        return min([due, *map(self._doubt_due, self._seen.keys() - self._silent)])

    def excuse(self, late: float, now: float) -> None:
        """Takes `late` seconds, in which nobody was pinged or heard, out of every lease."""
        for route in self._seen.keys() - self._silent:
            self._seen[route] = min(now, self._seen[route] + late)
            self._doubted.pop(route, None)

    def on_time(self, now: float) -> list[Action]:
        """Takes devices away from claims that should be silent by now, and from clients that no longer answer."""
        out: list[Action] = []
        if self._bequest.until <= now:
            self._bequest = NOBODY
        for route in [route for route in self._seen if route not in self._silent and self._doubt_due(route) <= now]:
            if route in self._doubted and now - self._doubted[route] < LAST_S:
                self._silent.add(route)  # pinged no more, so that no timer runs for it; its answer brings it back
                out.append(Log("WARNING", "a client with a turn has stopped answering"))
            else:
                self._doubted[route] = now + LAST_S
                out.append(ToClient(route, m.Ping()))
        for claim in list(self._claims.values()):
            if claim.until <= now or claim.route in self._silent:
                claim.holds, claim.until = False, math.inf
                if claim.over:
                    self._forget(claim)
        return out + self._settle(now)

    def _doubt_due(self, route: bytes) -> float:
        """The time at which a client that shows no sign of life is doubted, or given up."""
        return self._doubted.get(route, self._seen[route] + LEASE_S - LAST_S)

    # --- questions ---------------------------------------------------------------------------------------------------

    def has(self, route: bytes, name: bytes) -> bool:
        """Returns whether this connection uses the id `name` here."""
        return (route, name) in self._claims

    def watches(self, route: bytes) -> bool:
        """Returns whether this client has a claim and should be pinged."""
        return route in self._seen and route not in self._silent

    @property
    def busy(self) -> bool:
        """True if any client that answers has a claim."""
        return any(route not in self._silent for route in self._seen)

    def status(self, now: float) -> FloorStatus:
        """The holder of each device, and the number of claims that wait."""
        from hushd_schema.status import FloorStatus  # once somebody asks

        holders = {device: claim for claim in self._claims.values() if claim.holds for device in claim.own}
        speaks, listens = holders.get(SPEAKER), holders.get(MICROPHONE)
        return FloorStatus(
            speaker=speaks.status(now) if speaks else None,
            microphone=listens.status(now) if listens else None,
            wake=tuple(claim.status(now) for claim in self._claims.values() if claim.holds and WAKE in claim.devices),
            waiting=sum(1 for claim in self._claims.values() if not claim.holds),
            paused=self._all_paused,
        )

    # --- the end -----------------------------------------------------------------------------------------------------

    def shut(self, now: float) -> list[Action]:
        """Refuses new claims, and those that wait: the supervisor is leaving."""
        self._closed = True
        return self._settle(now)

    def holders(self) -> tuple[Holder, ...]:
        """The programs that have devices and may go on with them."""
        return tuple(Holder(c.pid, c.own) for c in self._claims.values() if c.state == "granted" and c.own)

    def close(self) -> list[Action]:
        """Ends every claim: the supervisor leaves now."""
        return [action for claim in list(self._claims.values()) for action in self._dismiss(claim)]

    # --- inside ------------------------------------------------------------------------------------------------------

    def _settle(self, now: float) -> list[Action]:
        """Grants free devices, interrupts claims that must give way, and reports every change to its client."""
        waiting = [c for c in self._claims.values() if not c.holds]
        if self._closed:
            out = [action for claim in waiting for action in self._dismiss(claim)]
            waiting = []
        else:
            waiting.sort(key=lambda claim: (claim.rank, claim.number))
            out = self._serve(waiting, now)
        positions = {claim.number: place for place, claim in enumerate(c for c in waiting if not c.holds)}
        for claim in self._claims.values():
            if not claim.over and claim.state != claim.reported:
                claim.reported = claim.state
                turn = m.Turn(
                    id=claim.id, state=claim.state, number=claim.number, position=positions.get(claim.number, 0)
                )
                out.append(ToClient(claim.route, turn))
        return out

    def _serve(self, waiting: list[Claim], now: float) -> list[Action]:
        """Grants free devices to `waiting` in this order, and ends claims that must give way."""
        out: list[Action] = []
        held = {device: c for c in self._claims.values() if c.holds for device in c.own}
        promised = self._bequest.devices(now)  # and to claims that must wait until they are free
        for claim in waiting:
            if claim.paused or claim.route in self._silent or claim.devices & promised:
                continue
            before = [held[device] for device in claim.devices if device in held]
            if not before:
                claim.holds, claim.since = True, now
                held |= dict.fromkeys(claim.own, claim)
            elif claim.rank <= MESSAGE and all(c.leaves or c.rank > claim.rank for c in before):
                for other in before:
                    if not other.leaves:
                        out += self._end(other, HushdError("cancelled", _INTERRUPTED), now)
                promised |= claim.devices
            elif now - claim.asked >= PATIENCE_S:
                promised |= claim.devices
        return out

    def _end(self, claim: Claim, error: HushdError, now: float) -> list[Action]:
        """Ends a claim; it keeps its devices until its client is silent."""
        if claim.over:
            return []
        claim.over = True
        if claim.holds:
            claim.until = min(claim.until, now + GRACE_S)
        else:
            self._forget(claim)
        return [ToClient(claim.route, m.Error.of(claim.id, error))]

    def _dismiss(self, claim: Claim) -> list[Action]:
        self._forget(claim)
        if claim.over:
            return []
        error = HushdError("shutting_down", "hushd is shutting down; ask again in a moment.")
        return [ToClient(claim.route, m.Error.of(claim.id, error))]

    def _forget(self, claim: Claim) -> None:
        del self._claims[claim.route, claim.id]
        if not any(other.route == claim.route for other in self._claims.values()):
            del self._seen[claim.route]
            self._doubted.pop(claim.route, None)
            self._silent.discard(claim.route)
