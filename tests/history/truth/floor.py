"""The made-up world's floor, and clients that claim it, speak and record."""

from __future__ import annotations

from collections.abc import Callable

from .house import Client, House

PRIORITIES = ("important", "message", "text", "notification", "progress")
GRACE_S, LEASE_S = 1.0, 6.0


class Claim:
    """A claim, as the client and the supervisor see it.

    Attributes:
        number: of its arrival.
        told: the last state that the client was told.
        mine: whether the client believes that it has the devices.
    """

    def __init__(self, client: Client, request: str, devices: list[str], rank: int) -> None:
        self.client, self.request, self.devices, self.rank = client, request, frozenset(devices), rank
        self.number = 0
        self.holds = self.leaves = self.over = self.mine = False
        self.told = ""
        self.on_change: Callable[[str], None] = lambda state: None


class Floor:
    """The supervisor's side: grants by priority, then by arrival."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.claims: list[Claim] = []
        self.paused = False
        self._number = 0
        self._silent: set[Client] = set()
        house.on_death += (self.claims.clear, self._silent.clear)

    def ask(self, claim: Claim) -> None:
        self._number += 1
        claim.number, claim.holds, claim.leaves, claim.told = self._number, False, False, ""
        self.claims.append(claim)
        self.settle()

    def give_back(self, claim: Claim, keep: bool) -> None:
        if claim not in self.claims:
            return
        claim.holds = claim.leaves = False
        if claim.over or not keep:
            self.claims.remove(claim)
        if not keep and not claim.over:
            self._tell(claim, "ok")
        self.settle()

    def cancel(self, claim: Claim) -> None:
        if claim in self.claims and not claim.over:
            self.claims.remove(claim)
            self._tell(claim, "cancelled")
            self.settle()

    def gone(self, client: Client) -> None:
        self.claims[:] = [claim for claim in self.claims if claim.client is not client]
        self.settle()

    def stopped(self, client: Client) -> None:
        """Takes the devices from a client that shows no life, until it does again."""

        def silent() -> None:
            if self.house.now >= client.stopped_until:
                return
            self._silent.add(client)
            for claim in [claim for claim in self.claims if claim.client is client]:
                claim.holds = claim.leaves = False
                if claim.over:
                    self.claims.remove(claim)
            client.do(0.0, lambda: client.send(alive))
            self.settle()

        def alive() -> None:
            self._silent.discard(client)
            self.settle()

        self.house.later(LEASE_S, silent)

    def pause(self, paused: bool) -> None:
        self.paused = paused
        for claim in self.claims:
            if claim.holds and paused and "speaker" in claim.devices:
                self._take(claim)
        self.settle()

    def settle(self) -> None:
        """Grants whatever can be granted, interrupts for urgent claims, and tells everybody."""
        waiting = [claim for claim in self.claims if not claim.holds and not claim.over]
        for claim in sorted(waiting, key=lambda claim: (claim.rank, claim.number)):
            if claim.client in self._silent or (self.paused and "speaker" in claim.devices):
                continue
            before = [other for other in self.claims if other.holds and other.devices & claim.devices]
            if not before:
                claim.holds = True
            elif claim.rank <= 1 and all(other.rank > claim.rank for other in before):
                for other in before:
                    if not other.over:
                        other.over = True
                        self._tell(other, "interrupted")
                        self._take(other)
        for claim in list(self.claims):
            if not claim.over and (state := self._state(claim)) != claim.told:
                claim.told = state
                self._tell(claim, state)

    def _state(self, claim: Claim) -> str:
        if claim.holds and not claim.leaves:
            return "granted"
        return "paused" if self.paused and "speaker" in claim.devices else "waiting"

    def _tell(self, claim: Claim, state: str) -> None:
        claim.client.hear(lambda: claim.on_change(state))

    def _take(self, claim: Claim) -> None:
        """Gives the client a moment to be silent."""
        claim.leaves = True

        def late() -> None:
            if claim in self.claims and claim.leaves:
                claim.holds = claim.leaves = False
                if claim.over:
                    self.claims.remove(claim)
                self.settle()

        self.house.later(GRACE_S, late)


class Turn:
    """A client's turn: claims, uses the devices in steps, and gives them back.

    Args:
        step: called again and again while the devices are ours; returns whether there is more to do.
    """

    def __init__(self, floor: Floor, claim: Claim, step: Callable[[], bool], done: Callable[[], None]) -> None:
        self.floor, self.claim, self.step, self.done = floor, claim, step, done
        self.client, self.dice = claim.client, floor.house.dice
        claim.on_change = self._change
        self._giving_back = False
        self._grants = 0
        self.client.see.invoke(
            claim.request, "claim", devices=sorted(claim.devices), priority=PRIORITIES[claim.rank]
        )  # fmt: skip
        self._ask()

    def _ask(self) -> None:
        self.client.on_loss[self.claim.request] = self._lost
        self.client.send(lambda: self.floor.ask(self.claim))
        if self.dice.random() < 0.1:
            self.client.do(self.dice.random() * 20, self._cancel)

    def _change(self, state: str) -> None:
        """Takes an answer of the supervisor."""
        had, self.claim.mine = self.claim.mine, False
        see, request = self.client.see, self.claim.request
        if state in ("granted", "waiting", "paused"):
            if self._giving_back:
                return
            see.saw(state, request, epoch=self.client.epoch)
            if state == "granted":
                self.claim.mine = True
                self._grants += 1
                self._use(self._grants)
            elif had:
                self.client.do(self.dice.random() * GRACE_S * 0.9, self._yield)
            return
        self.client.on_loss.pop(request, None)
        see.ok(request) if state == "ok" else see.fail(request, "cancelled")
        if state == "interrupted" and had:
            self.client.send(lambda: self.floor.give_back(self.claim, keep=False))
        self.done()

    def _yield(self) -> None:
        """Says that it is silent, and waits."""
        if not self._giving_back and not self.claim.mine and self.claim.request in self.client.on_loss:
            self.client.see.saw("released", self.claim.request, keep=True)
            self.client.send(lambda: self.floor.give_back(self.claim, keep=True))

    def _use(self, grant: int) -> None:
        if grant != self._grants or not self.claim.mine:
            return
        if self.step():
            self.client.do(self.dice.uniform(0.1, 0.6), lambda: self._use(grant))
            return
        self._giving_back, self.claim.mine = True, False
        self.client.see.saw("released", self.claim.request, keep=False)
        self.client.send(lambda: self.floor.give_back(self.claim, keep=False))

    def _cancel(self) -> None:
        if self.claim.request in self.client.on_loss and not self._giving_back:
            self._giving_back, self.claim.mine = True, False
            self.client.see.saw("cancelled", self.claim.request)
            self.client.send(lambda: self.floor.cancel(self.claim))

    def _lost(self) -> None:
        """Its supervisor was killed: asks the next one, or gives up."""
        self.claim.mine = False
        see, request = self.client.see, self.claim.request
        see.saw("lost", request)
        if self._giving_back:
            see.unknown(request)
            self.done()
        elif self.dice.random() < 0.7:
            see.saw("again", request)
            self._ask()
        else:
            see.fail(request, "supervisor_lost")
            self.done()
