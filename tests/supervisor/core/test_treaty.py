"""The supervisor as a holder of the memory treaty: idle workers are given, once, and their memory is left alone."""

from __future__ import annotations

import math

from hushd_protocol.cards import Card
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.treaty import WITHIN_S, Offer
from hushd_supervisor.core.worker.states import State
from support.house import MB, A, B, House

CARD = "0000:01:00.0"


def asked(house: House, size: int, card: str = "", claim: bytes = b"claim", since: float = 0.0) -> do.Gave:
    """The answer to a `give`."""
    actions = house.tell(ev.Asked(claim, size, card, 60.0, since))
    (gave,) = [action for action in actions if isinstance(action, do.Gave)]
    return gave


def test_what_workers_hold_is_offered() -> None:
    """With the time since which they are idle, which those at work have not."""
    there = House({B: {"pinned": True}}, cards=[Card("cuda:0", CARD, "a card", 24_000 * MB, 24_000 * MB)])
    there.idle(A, cards={CARD: 70 * MB})
    there.idle(B)
    since = there.now
    there.now += 5.0
    first, second = there.pool.offers(there.now)
    assert first == Offer(A, 300 * MB, ((CARD, 70 * MB),), since, first.reload_s, False)
    assert (second.name, second.idle_since, second.pinned) == (B, None, True)
    there.request(A)
    assert there.pool.offers(there.now)[0].idle_since is None


def test_idle_workers_are_given() -> None:
    """As many as suffice; they end at once."""
    there = House()
    there.idle(A)
    there.idle(B)
    assert asked(there, 200 * MB) == do.Gave(b"claim", 300 * MB, WITHIN_S, "")
    assert there.drained() == [A]
    assert asked(there, 1000 * MB, claim=b"other").size == 300 * MB
    assert sorted(there.drained()) == [A, B]
    assert asked(there, 1, claim=b"third") == do.Gave(b"third", 0, 0.0, "hushd has no more of it that is idle.")


def test_work_is_not_given() -> None:
    """Nor is a worker that its user has pinned."""
    there = House({B: {"pinned": True}})
    there.idle(A)
    there.request(A)
    there.idle(B)
    assert asked(there, 1).size == 0
    assert there.state(A) is State.BUSY
    assert there.state(B) is State.READY


def test_of_a_card_its_residents_are_given() -> None:
    """And of one that is not here nothing."""
    there = House(cards=[Card("cuda:0", CARD, "a card", 24_000 * MB, 24_000 * MB)])
    there.idle(A, cards={CARD: 70 * MB})
    there.idle(B)
    assert asked(there, 1, "ffff:00:00.0").size == 0
    assert asked(there, 1, CARD).size == 70 * MB
    assert there.drained() == [A]


def test_the_memory_is_left_alone_until_it_is_given_back() -> None:
    """A start that would take it is refused meanwhile."""
    there = House()
    there.idle(A)
    asked(there, 300 * MB)
    there.leave(A)
    assert there.code(there.request(A)) == "server_busy"
    there.tell(ev.GivenBack(b"unknown"))
    assert there.code(there.request(A)) == "server_busy"
    there.tell(ev.GivenBack(b"claim"))
    there.request(A)
    assert there.state(A) is State.STARTING


def test_a_claim_ends_with_its_time() -> None:
    """Though nobody gives it back."""
    there = House()
    there.idle(A)
    asked(there, 300 * MB)
    there.leave(A)
    there.now += 60.0
    there.request(A)
    assert there.state(A) is State.STARTING


def test_a_supervisor_that_leaves_gives_nothing() -> None:
    """Its workers end anyway."""
    there = House()
    there.idle(A)
    there.request(A)
    there.tell(ev.Shutdown())
    assert asked(there, 1).size == 0


def test_whoever_asked_first_wins() -> None:
    """While this supervisor asks its neighbours, it gives to those who began before it, and to no others."""
    there = House(neighbours={"other": {"kind": "treaty"}})
    there.idle(A)
    relief = there.pool._admission.relief
    assert relief is not None
    relief.neighbours.since = lambda: 50.0  # type: ignore[method-assign]
    assert asked(there, 1, since=50.5).why == "hushd lacks memory itself, and asked first."
    assert asked(there, 1, since=49.5).size == 300 * MB
    assert there.drained() == [A]
    relief.neighbours.since = lambda: math.inf  # type: ignore[method-assign]
