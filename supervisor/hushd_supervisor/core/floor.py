"""The floor: grants the speaker and the microphone, so that two programs never talk over each other.

A claim asks for the speaker, the microphone or both, and gets all of it at once or waits. A program that listens in the
background, for a wake word or for captions, claims `wake`, which any number of programs may hold: so users can see who
listens, and a pause ends it. Claims are served by priority and, within one priority, in order of arrival; a claim that
cannot be served yet lets others pass, for a while.

Within one client the rules of speech-dispatcher decide which claim ends which (see `claim`). Between clients equal
priorities queue; only `important` and `message` interrupt, and they only interrupt lower priorities. A claim that is
ended or paused while it holds devices is notified, and keeps them until it is silent, for a second at most.

A client that answers no ping for 6 s loses its devices but keeps its place: once it answers again, it goes on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from hushd_protocol import messages as m
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import PRIORITIES
from hushd_schema.status import FloorStatus, Turns

from .actions import Action, KeepPause, Log, ToClient
from .claim import DEVICES, ENDS, MESSAGE, MICROPHONE, NOTIFICATION, SHARED, SPEAKER, WAKE, Claim, resolve

FADE_OUT_TIMEOUT_S = 1.0  # seconds to fade out and close the device
MAX_PASSED_S = 10.0  # seconds after which other claims may no longer pass one that waits for two devices
MAX_CLAIMS = 200

_PAUSING = ("pause", "resume")
_REPLACED = "Something newer or more urgent of the same program is said instead."
_INTERRUPTED = "Another program has something more urgent to say."
_STOPPED = "It was stopped."


class Floor:
    """All claims of all clients; pure. `paused`: all speech was paused when the last supervisor left."""

    def __init__(self, paused: bool = False) -> None:
        self._claims: dict[tuple[bytes, bytes], Claim] = {}  # claims in their order of arrival
        self.claims: Final = self._claims.values()
        self._silent: set[bytes] = set()  # clients with a claim that no longer answer
        self._all_paused = paused
        self._paused: set[bytes] = set()  # clients whose claims are all paused, later ones too
        self._count = 0
        self._closed = False

    # --- what clients do ---------------------------------------------------------------------------------------------

    def claim(self, route: bytes, claim: m.Claim, client: str, pid: int, now: float) -> list[Action]:
        """Takes a new claim, with an id that its connection does not use for anything else."""
        try:
            devices = frozenset(claim.devices)
            if not devices or not devices.issubset(DEVICES):
                raise HushdError("bad_request", f"The floor has only {', '.join(DEVICES[:-1])} and {DEVICES[-1]}.")
            if devices & SHARED and devices - SHARED:
                raise HushdError("bad_request", f"A claim of {WAKE} cannot claim another device.")
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
        new_claim = Claim(route, claim.id, client, pid, devices, rank, self._count, now, claim.pauses)
        new_claim.paused = new_claim.pauses and (self._all_paused or route in self._paused)
        actions: list[Action] = []
        if new_claim.speaks:
            siblings = [c for c in self.claims if c.route == route and c.speaks and not c.over]
            for sibling in siblings:
                if sibling.rank in ENDS[rank][0 if sibling.holds else 1]:
                    actions += self._end(sibling, HushdError("cancelled", _REPLACED), now)
            if rank == NOTIFICATION and any(not sibling.over for sibling in siblings):
                actions.append(ToClient(route, m.Error.of(claim.id, HushdError("cancelled", _REPLACED))))
                return actions + self._grant_devices(now)
        self._claims[route, claim.id] = new_claim
        return actions + self._grant_devices(now)

    def give_back(self, route: bytes, name: bytes, keep: bool, now: float) -> list[Action]:
        """Takes back the devices of a client that has fallen silent: for good, or, with `keep`, until its next turn."""
        claim = self._claims.get((route, name))
        if claim is None:
            return []
        actions: list[Action] = []
        claim.holds, claim.until = False, math.inf
        if claim.over or not keep:
            self._forget(claim)
        if not claim.over and not keep:
            actions.append(ToClient(route, m.Result(id=name)))
        return actions + self._grant_devices(now)

    def cancel(self, route: bytes, name: bytes, now: float) -> list[Action]:
        """Ends a claim that its client no longer wants; the client has fallen silent."""
        claim = self._claims.get((route, name))
        if claim is None or claim.over:
            return []
        self._forget(claim)
        error = HushdError("cancelled", "The claim was cancelled.")
        return [ToClient(route, m.Error.of(name, error)), *self._grant_devices(now)]

    def alive(self, route: bytes, now: float) -> list[Action]:
        """Takes a sign of life of a client: one that did not answer goes on."""
        if route not in self._silent:
            return []
        self._silent.discard(route)
        return self._grant_devices(now)

    def silenced(self, route: bytes, now: float) -> list[Action]:
        """Takes the devices of a client that no longer answers."""
        if not self.watches(route):
            return []
        # A silent client is not pinged, so that no timer runs for it; its answer brings it back.
        self._silent.add(route)
        for claim in [c for c in self.claims if c.route == route]:
            self._free_devices(claim)
        return [Log("WARNING", "a client with a turn has stopped answering"), *self._grant_devices(now)]

    def gone(self, route: bytes, now: float) -> list[Action]:
        """Forgets the claims of a connection that has ended."""
        self._paused.discard(route)
        for claim in [c for c in self.claims if c.route == route]:
            self._forget(claim)
        return self._grant_devices(now)

    # --- what people do ----------------------------------------------------------------------------------------------

    def control(self, control: m.Control, route: bytes, named: Callable[[str], set[bytes]], now: float) -> list[Action]:
        """Stops the speaking claims; or cancels, pauses or resumes the claims that speak or wait to.

        Pausing and resuming also concern the claims that wait for a wake word.

        The answer comes last: `{"turns": [numbers]}` of the claims concerned.
        Raises `bad_request` for a name that no client has.

        Args:
            control: its action is `stop`, `cancel`, `pause` or `resume`; its names are numbers of claims, names of
                clients, or `self`, and none means all.
            named: returns the connections of a client.
        """
        action = control.action
        numbers, routes, everybody = resolve(control.names, route, named)
        actions: list[Action] = []
        turns = []
        concerned = [c for c in self.claims if not c.over and (c.speaks or (c.pauses and action in _PAUSING))]
        for claim in concerned:
            chosen = claim.number in numbers
            if not (chosen or everybody or claim.route in routes):
                continue
            if action == "stop" and not chosen and not claim.holds:
                continue
            turns.append(claim.number)
            if action in ("stop", "cancel"):
                actions += self._end(claim, HushdError("cancelled", _STOPPED), now)
            else:
                claim.paused = action == "pause"
                if claim.paused and claim.holds:
                    claim.until = min(claim.until, now + FADE_OUT_TIMEOUT_S)
        if action == "pause":
            self._all_paused |= everybody
            self._paused |= routes
        elif action == "resume":
            self._all_paused &= not everybody
            self._paused = set() if everybody else self._paused - routes
        if everybody and action in _PAUSING:
            actions.append(KeepPause(self._all_paused))
        actions += self._grant_devices(now)
        return [*actions, ToClient(route, m.Result(id=control.id, data=Turns(turns=tuple(turns)).data()))]

    # --- time --------------------------------------------------------------------------------------------------------

    def deadline(self) -> float:
        """The time at which `on_time` is due; `math.inf` for never."""
        return min((c.until for c in self.claims), default=math.inf)

    def on_time(self, now: float) -> list[Action]:
        """Takes devices from claims that should be silent by now."""
        for claim in [c for c in self.claims if c.until <= now]:
            self._free_devices(claim)
        return self._grant_devices(now)

    def _free_devices(self, claim: Claim) -> None:
        claim.holds, claim.until = False, math.inf
        if claim.over:
            self._forget(claim)

    # --- questions ---------------------------------------------------------------------------------------------------

    def has(self, route: bytes, name: bytes) -> bool:
        """Returns whether this connection uses the id `name` here."""
        return (route, name) in self._claims

    def watches(self, route: bytes) -> bool:
        """Returns whether this client has a claim and must be pinged."""
        return route not in self._silent and any(claim.route == route for claim in self.claims)

    @property
    def busy(self) -> bool:
        """True if any client that answers has a claim."""
        return any(claim.route not in self._silent for claim in self.claims)

    def status(self, now: float) -> FloorStatus:
        """The holder of each device, and the number of waiting claims."""
        granted = {device: claim for claim in self.claims if claim.holds for device in claim.exclusive}
        speaks, listens = granted.get(SPEAKER), granted.get(MICROPHONE)
        return FloorStatus(
            speaker=speaks.status(now) if speaks else None,
            microphone=listens.status(now) if listens else None,
            wake=tuple(claim.status(now) for claim in self.claims if claim.holds and WAKE in claim.devices),
            waiting=sum(1 for claim in self.claims if not claim.holds),
            paused=self._all_paused,
        )

    # --- the end -----------------------------------------------------------------------------------------------------

    def shut(self, now: float) -> list[Action]:
        """Refuses new and waiting claims: the supervisor is leaving."""
        self._closed = True
        return self._grant_devices(now)

    def close(self) -> list[Action]:
        """Ends every claim: the supervisor leaves now."""
        return [action for claim in list(self.claims) for action in self._dismiss(claim)]

    def _grant_devices(self, now: float) -> list[Action]:
        """Grants free devices, interrupts claims that must give way, and tells each client what has changed."""
        waiting = [c for c in self.claims if not c.holds]
        if self._closed:
            actions = [action for claim in waiting for action in self._dismiss(claim)]
            waiting = []
        else:
            waiting.sort(key=lambda claim: (claim.rank, claim.number))
            actions = self._serve(waiting, now)
        positions = {claim.number: position for position, claim in enumerate(c for c in waiting if not c.holds)}
        for claim in self.claims:
            if not claim.over and claim.state != claim.reported:
                claim.reported = claim.state
                position = positions.get(claim.number, 0)
                turn = m.Turn(id=claim.id, state=claim.state, number=claim.number, position=position)
                actions.append(ToClient(claim.route, turn))
        return actions

    def _serve(self, waiting: list[Claim], now: float) -> list[Action]:
        """Grants free devices to `waiting` in this order, and ends claims that must give way."""
        actions: list[Action] = []
        held = {device: c for c in self.claims if c.holds for device in c.exclusive}
        promised: frozenset[str] = frozenset()  # devices promised to claims that must wait for them
        for claim in waiting:
            if claim.paused or claim.route in self._silent or claim.devices & promised:
                continue
            holders = [held[device] for device in DEVICES if device in claim.devices and device in held]
            if not holders:
                claim.holds, claim.since = True, now
                held |= dict.fromkeys(claim.exclusive, claim)
            elif claim.rank <= MESSAGE and all(c.leaves or c.rank > claim.rank for c in holders):
                for holder in holders:
                    if not holder.leaves:
                        actions += self._end(holder, HushdError("cancelled", _INTERRUPTED), now)
                promised |= claim.devices
            elif now - claim.asked_at >= MAX_PASSED_S:
                promised |= claim.devices
        return actions

    def _end(self, claim: Claim, error: HushdError, now: float) -> list[Action]:
        """Ends a claim that is not over; it keeps its devices until its client is silent."""
        claim.over = True
        if claim.holds:
            claim.until = min(claim.until, now + FADE_OUT_TIMEOUT_S)
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
        if not any(remaining.route == claim.route for remaining in self.claims):
            self._silent.discard(claim.route)
