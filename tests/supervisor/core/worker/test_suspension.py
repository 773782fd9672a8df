"""The third state of rest: an idle worker leaves its card and not the machine, and comes back for a request in time.

Nobody's process is here: the driver's answers are the tests'.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_protocol.cards import Card
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.memory.pressure import MEASURE_INTERVAL_S
from hushd_supervisor.core.worker.lifecycle import RESTORE_TIMEOUT_S
from hushd_supervisor.core.worker.states import State
from support.house import MB, ROUTE, A, B, House

CARD = "0000:01:00.0"
TAKEN = 4000 * MB  # by a worker, of the card


def card(free: int = 20_000 * MB) -> Card:
    return Card("cuda:0", CARD, "a card", 24_000 * MB, free)


def house(*, suspends: bool = True, available: int = 9000 * MB, **options: Any) -> House:
    """A worker that rests on a card, and a machine with room for what it has there."""
    there = House({"": {"memory_mb": 300.0, "vram_mb": 4000.0, **options}}, cards=[card()])
    there.total, there.available = 10_000 * MB, available
    request = there.request(A)
    told = {"compute_device": "cuda", "suspends": suspends}
    there.says(A, m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    there.says(A, m.Ready(slots=1, pss=300 * MB, capabilities=told, cards={CARD: TAKEN}))
    there.finish(A)
    assert there.code(request) == "result"
    there.cards = [card(16_000 * MB)]
    return there


def asked(there: House, kind: type[do.Suspend | do.Restore]) -> list[str]:
    return [action.worker for action in there.done if isinstance(action, kind)]


def killed(there: House) -> list[str]:
    return [action.worker for action in there.of(do.Kill)]


def suspended(there: House, error: str = "", lost: bool = False) -> None:
    there.wait(25)
    assert asked(there, do.Suspend) == [A]
    assert there.state(A) is State.SUSPENDED
    if not error:
        there.cards = [card()]
    there.tell(ev.Suspended(A, there.gen(A), error, lost))


def test_a_worker_leaves_its_card_and_comes_back() -> None:
    """It leaves after 20 s of rest, as its status says; the next request has the same process, and no other starts."""
    there = house()
    suspended(there)
    (_, row), *_ = there.pool.fleet.status(there.now)
    assert (row.state, row.cards_mb) == ("suspended", {})
    assert row.expires_in_s == pytest.approx(275, abs=5)
    request = there.request(A)
    assert asked(there, do.Restore) == [A]
    there.tell(ev.Restored(A, there.gen(A)))
    there.finish(A)
    assert there.code(request) == "result"
    assert there.spawned() == [A]
    assert there.pool.fleet.status(there.now)[0][1].cards_mb == {CARD: 4000.0}


def test_a_worker_comes_back_to_its_card_while_memory_is_critically_short() -> None:
    """It gives the machine back what it has there."""
    there = house()
    suspended(there)
    there.cards = [card(1000 * MB)]
    there.request(A)
    there.available = 500 * MB
    there.wait(MEASURE_INTERVAL_S)
    assert (there.pressure, asked(there, do.Restore)) == (["critical"], [])
    there.cards = [card()]
    there.wait(1)
    assert asked(there, do.Restore) == [A]


@pytest.mark.parametrize("back", [False, True])
def test_it_holds_the_machines_memory_meanwhile(back: bool) -> None:
    """The memory that it had on the card counts as its own there, and no longer as the card's, until it is back: 4300
    and 300 MB are more than workers may take, and twice 300 are not. A beat from before says nothing about that."""
    there = house()
    suspended(there)
    there.says(A, m.Beat(cpu_s=1.0, pss=300 * MB, cards={CARD: TAKEN}))
    assert there.pool.fleet.memory(there.now).cards[0].used_mb == 0
    if back:
        there.request(A)
        there.tell(ev.Restored(A, there.gen(A)))
        there.finish(A)
    there.total, there.available = 5600 * MB, 5000 * MB  # of which 4480 are for workers
    there.request(B)
    assert (killed(there), there.spawned()) == (([], [A, B]) if back else ([A], [A]))


@pytest.mark.parametrize(("how", "seconds"), [("gone", 300.0), ("reload", 100.0)])
def test_a_lease_that_ends_ends_it(how: str, seconds: float) -> None:
    """`keep_alive` -1 ends once its program has gone, or by another value in the configuration."""
    there = house(keep_alive=-1.0 if how == "reload" else 300.0)
    there.tell(ev.FromClient(b"own", m.Hello(protocol=1, version="1")))
    there.request(A, b"own", keep_alive=-1.0) if how == "gone" else there.request(A)
    there.finish(A)
    suspended(there)
    assert there.row(A).expires_in_s is None
    if how == "gone":
        there.tell(ev.ClientGone(b"own"))
    else:
        there.tell(ev.Configured(replace(there.settings, worker={"": {"keep_alive": seconds}})))
    there.wait(seconds - 25 - 1)
    assert killed(there) == []
    there.wait(2)
    assert killed(there) == [A]


@pytest.mark.parametrize("phase", ["going", "away", "coming", "lost"])
def test_a_request_that_is_cancelled_leaves_it_as_it_was(phase: str) -> None:
    """Nobody ends a process for which nobody waits, and the next request has ten seconds of its own; but one that is
    not back in time is lost."""
    there = house()
    there.wait(25) if phase == "going" else suspended(there)
    there.blind = phase in ("going", "away")  # it waits for a look at the cards
    there.wait(5)
    there.tell(ev.FromClient(ROUTE, m.Cancel(id=there.request(A))))
    there.wait(RESTORE_TIMEOUT_S - 1)
    if phase == "coming":
        there.tell(ev.Restored(A, there.gen(A)))
    if phase != "lost":
        there.request(A)
        there.finish(A)
        there.wait(RESTORE_TIMEOUT_S - 1)
    assert killed(there) == []
    there.wait(2)
    assert killed(there) == ([] if phase == "coming" else [A])


@pytest.mark.parametrize(
    "options", [{"suspend_after": -1}, {"suspends": False}, {"keep_alive": 10.0}, {"pinned": True}]
)
def test_who_is_not_suspended(options: dict[str, Any]) -> None:
    """Its settings or its engine forbid it, or it would exit sooner."""
    there = house(**options)
    there.wait(400)
    assert asked(there, do.Suspend) == []


def test_a_machine_without_room_for_it() -> None:
    """The worker exits instead: its weights do not go where others would miss the memory."""
    there = house(available=3000 * MB)
    there.wait(22)
    assert asked(there, do.Suspend) == []
    assert killed(there) == [A]


@pytest.mark.parametrize("lost", [False, True])
def test_a_refusal_is_not_tried_twice(lost: bool) -> None:
    """One line in the log; the process rests as it was, or is ended if it is lost, and later ones exit as ever."""
    there = house()
    suspended(there, "the driver is older than 570", lost)
    text = "cannot be suspended, and ends when idle: the driver is older than 570"
    assert [log for log in there.of(do.Log) if text in log.text]
    if lost:
        assert killed(there) == [A]
        return
    assert there.state(A) is State.READY
    there.wait(400)
    assert asked(there, do.Suspend) == [A]
    assert there.drained() == [A]


@pytest.mark.parametrize("fails", ["error", "late", "leaving", "reload"])
def test_a_process_that_does_not_come_back(fails: str) -> None:
    """It is ended, and another answers the request; a second request does not have the first wait for longer."""
    there = house()
    there.wait(25) if fails == "leaving" else suspended(there)
    there.wait(268 if fails == "late" else 0)  # near the end of its rest
    request = there.request(A)
    if fails == "reload":  # of a time that is over
        there.tell(ev.Configured(replace(there.settings, worker={"": {"keep_alive": 1.0, "memory_mb": 300.0}})))
    if fails == "error":
        there.tell(ev.Restored(A, there.gen(A), "cuCheckpointProcessRestore failed with 2"))
    else:
        there.wait(RESTORE_TIMEOUT_S - 1)
        there.request(A)
        assert killed(there) == []
        there.wait(2)
    assert killed(there) == [A]
    there.exit(A, -9)
    assert there.spawned() == [A, A]
    there.ready(A)
    there.finish(A)
    assert there.code(request) == "result"


@pytest.mark.parametrize("error", ["", "no driver"])
def test_the_card_has_gone(error: str) -> None:
    """The process is ended: what it would come back to has gone, too, as where the driver no longer answers."""
    there = house()
    suspended(there)
    there.cards = [card()._replace(id="0000:65:00.0")]
    there.blind = True
    there.wait(5)
    there.request(A)
    assert killed(there) == []
    there.see(error)
    assert (asked(there, do.Restore), killed(there)) == ([], [A])
    told = f"{A} ends, since its card has no room for it"
    assert told in [action.text for action in there.of(do.Log)]


# --- others want the card --------------------------------------------------------------------------------------------


def resting(**options: Any) -> House:
    """A worker that rests on a card from which it could be suspended, and came to rest a moment ago."""
    there = house(**options)
    there.wait(1)
    return there


def test_a_yield_suspends() -> None:
    """It is answered once the card is free, by the driver's word, and the worker comes back when it may."""
    there = resting()
    request = there.control("unload", for_s=60.0)
    assert asked(there, do.Suspend) == [A]
    there.tell(ev.Suspended(A, there.gen(A)))  # the driver still counts it
    there.wait(1)
    assert there.answer(request) is None
    there.cards = [card()]
    there.wait(0.2)
    assert there.answer(request).data == {"unloaded": [A]}
    assert (killed(there), there.drained()) == ([], [])
    there.wait(60)
    there.request(A)
    assert asked(there, do.Restore) == [A]


def test_two_workers_take_turns_on_a_card() -> None:
    """The second starts when the driver shows the room, and the one that comes back has the other leave the card as it
    did: neither loads twice."""
    there = resting()
    there.total, there.available = 20_000 * MB, 18_000 * MB
    there.cards = [card(free=1000 * MB)]
    there.wait(2)
    there.request(B)
    assert (asked(there, do.Suspend), there.drained(), killed(there)) == ([A], [], [])
    there.wait(1)
    assert there.spawned() == [A]
    there.cards = [card(free=5000 * MB)]
    there.tell(ev.Suspended(A, there.gen(A)))
    assert (there.spawned(), there.state(A)) == ([A, B], State.SUSPENDED)
    there.says(B, m.WorkerHello(token="t", protocol=1, version="1", pid=3))
    told = {"compute_device": "cuda", "suspends": True}
    there.says(B, m.Ready(slots=1, pss=300 * MB, capabilities=told, cards={CARD: TAKEN}))
    there.finish(B)
    there.cards = [card(free=1000 * MB)]
    there.wait(2)
    there.request(A)
    assert asked(there, do.Suspend) == [A, B]
    assert asked(there, do.Restore) == []
    there.cards = [card(free=5000 * MB)]
    there.tell(ev.Suspended(B, there.gen(B)))
    assert asked(there, do.Restore) == [A]
    assert (there.drained(), killed(there)) == ([], [])
