"""Tests of `yield`: workers leave cards to other programs and keep away; a pool without processes, cards of 24 GB."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_protocol.cards import Card
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.memory.cards import AGAIN_S
from hushd_supervisor.core.worker.states import State
from hushd_supervisor.core.yields import MAX_YIELDS
from support.house import MB, ROUTE, A, B, House

GB = 1000 * MB
FIRST, SECOND = "0000:01:00.0", "0000:65:00.0"


def house(*more: Card, **worker: dict[str, Any]) -> House:
    """A house with memory for all, and one card or more; a worker needs 8 GB of a card."""
    cards = [Card("cuda:0", FIRST, "a card", 24 * GB, 24 * GB), *more]
    found = House({"": {"memory_mb": 300.0, "vram_mb": 8000.0}, **worker}, cards=cards)
    found.total = found.available = 100 * GB
    return found


def data(house: House, request: bytes) -> dict[str, Any]:
    answer = house.answer(request)
    assert isinstance(answer, m.Result), answer
    return answer.data


def test_idle_workers_leave_until_enough_is_free() -> None:
    """The answer comes when the driver reports it, and says by card how much was freed and by whom."""
    there = house()
    there.idle(A, cards={FIRST: 9 * GB})
    there.idle(B, cards={FIRST: 6 * GB})
    request = there.control("yield", vram=15 * GB)
    assert (there.drained(), there.answer(request)) == ([A], None)
    there.leave(A)
    row = {"device": "cuda:0", "id": FIRST, "freed_mb": 9000.0, "free_mb": 18000.0, "total_mb": 24000.0}
    assert data(there, request) == {"cards": [row], "unloaded": [A], "busy": {}, "for_s": 60.0}
    assert there.state(B) is State.READY


def test_the_answer_waits_for_the_driver() -> None:
    """The exit alone is not an answer: the other program would find the memory taken."""
    there = house()
    there.idle(A, cards={FIRST: 9 * GB})
    request = there.control("yield", vram=20 * GB)
    there.says(A, m.Bye())
    there.exit(A)
    there.wait(AGAIN_S * 3)
    assert there.answer(request) is None
    there.free("cuda:0", 24 * GB)
    there.wait(AGAIN_S)
    assert data(there, request)["cards"][0]["freed_mb"] == 9000.0


def test_who_leaves_already_is_counted() -> None:
    """Two programs that ask for the same memory at once send away no more workers than one."""
    there = house()
    there.idle(A, cards={FIRST: 9 * GB})
    there.idle(B, cards={FIRST: 6 * GB})
    requests = [there.control("yield", vram=15 * GB) for _ in range(2)]
    assert there.drained() == [A]
    there.leave(A)
    assert [data(there, request)["unloaded"] for request in requests] == [[A], [A]]


def test_all_that_workers_take() -> None:
    """Without a size everybody leaves the card, those that are pinned too: it is the owner's word."""
    there = house(**{B: {"pinned": True}})
    there.idle(A, cards={FIRST: 9 * GB})
    there.idle(B, cards={FIRST: 6 * GB})
    request = there.control("yield")
    assert sorted(there.drained()) == [A, B]
    there.leave(A), there.leave(B)
    assert data(there, request)["cards"][0]["free_mb"] == 24000.0


def test_enough_is_free_already() -> None:
    """Then nobody leaves; but from now on another worker gets in only in the place of one that is there."""
    there = house()
    there.idle(A, cards={FIRST: 9 * GB})
    request = there.control("yield", vram=12 * GB)
    assert (data(there, request)["unloaded"], there.drained()) == ([], [])
    there.request(B)
    assert (there.drained(), there.placed()) == ([A], [(A, "cuda:0")])
    there.leave(A)
    assert there.placed()[1:] == [(B, "cuda:0")]


def test_a_busy_worker_retires() -> None:
    """Its jobs go on, the answer names them and does not wait, and the process leaves after them."""
    there = house(**{"": {"vram_mb": 8000.0, "max_replicas": 1}})
    there.request(A)
    there.ready(A, cards={FIRST: 9 * GB})
    request = there.control("yield", vram=20 * GB)
    assert data(there, request)["busy"] == {A: 1}
    assert there.drained() == []
    there.finish(A)
    assert there.drained() == [A]


def test_busy_workers_stay_where_idle_ones_suffice() -> None:
    """Whatever their scores."""
    there = house()
    there.request(B)
    there.ready(B, cards={FIRST: 10 * GB})
    there.idle(A, cards={FIRST: 6 * GB})
    request = there.control("yield", vram=12 * GB)
    there.leave(A)
    assert (data(there, request)["unloaded"], data(there, request)["busy"]) == ([A], {})


def test_workers_keep_away_for_so_long() -> None:
    """On the CPU meanwhile, and back on the card after a job when the time is over."""
    there = house()
    there.control("yield", vram=20 * GB, for_s=100.0)
    there.idle(A)
    (spawn,) = there.of(do.Spawn)
    assert (spawn.compute_device, spawn.why) == ("cpu", "cuda:0 is kept free for other programs")
    there.now += 90
    there.request(A)
    there.finish(A)
    assert there.drained() == []
    there.now += 11
    there.request(A)
    there.finish(A)
    assert there.drained() == [A]


def test_a_card_that_is_asked_for_is_busy_until_then() -> None:
    """The answer says when to ask again."""
    there = house(stt={"compute_device": "cuda"})
    there.control("yield", for_s=100.0)
    there.now += 40
    answer = there.answer(there.request(A))
    assert isinstance(answer, m.Error)
    assert (answer.code, answer.retry_after_ms) == ("server_busy", 60_000)
    assert answer.message == f"There is no room for {A} on cuda:0 now: cuda:0 is kept free for other programs."


def test_the_other_program_loads() -> None:
    """Its memory is not asked for twice: a worker that fits beside it may start."""
    there = house()
    there.control("yield", vram=12 * GB, for_s=600.0)
    there.free("cuda:0", 12 * GB)
    there.now += 2
    there.request(A)
    assert there.placed() == [(A, "cuda:0")]
    there.ready(A, cards={FIRST: 8 * GB})
    there.request(B)
    assert there.placed()[1:] == [(B, "cpu")]


def test_a_later_yield_replaces_an_earlier_one() -> None:
    """With no time it lets workers come back at once."""
    there = house()
    there.control("yield", for_s=600.0)
    there.control("yield", for_s=0.0)
    there.request(A)
    assert there.placed() == [(A, "cuda:0")]


@pytest.mark.parametrize("card", ["1", "cuda:1", SECOND])
def test_one_card(card: str) -> None:
    """By its number or its place on the bus; the others are left alone."""
    there = house(Card("cuda:1", SECOND, "a card", 16 * GB, 16 * GB))
    there.idle(A, cards={FIRST: 9 * GB})
    there.idle(B, cards={SECOND: 6 * GB})
    there.control("yield", card=card)
    assert there.drained() == [B]


def test_what_cannot_be() -> None:
    """A card that there is not, a size below 0, a time beyond a week."""
    for fields in ({"card": "7"}, {"vram": -1}, {"for_s": 1e7}, {"for_s": -1.0}):
        there = house()
        assert there.code(there.control("yield", **fields)) == "bad_request"


def test_a_machine_without_cards() -> None:
    """There is nothing to do, which is not an error in a hook."""
    there = House()
    assert data(there, there.control("yield", vram=GB))["cards"] == []


def test_a_driver_that_does_not_answer() -> None:
    """It is an error, since nobody knows the free memory."""
    there = house()
    there.blind = True
    request = there.control("yield")
    there.see("there was no answer in 5 s")
    assert there.code(request) == "server_busy"


def test_a_flood_of_yields() -> None:
    """Only so many of one connection wait."""
    there = house()
    there.blind = True
    codes = [there.code(there.control("yield")) for _ in range(MAX_YIELDS + 1)]
    assert codes == [""] * MAX_YIELDS + ["overloaded"]


def test_a_shutdown_answers() -> None:
    """Nobody waits for a look that is never answered."""
    there = house()
    there.blind = True
    request = there.control("yield")
    there.tell(ev.Shutdown())
    assert there.code(request) == "shutting_down"
    assert there.code(there.control("yield")) == "shutting_down"


def test_who_waits_is_pinged() -> None:
    """A client that waits for processes to leave does not take the supervisor for dead."""
    there = house()
    there.blind = True
    there.control("yield")
    there.wait(2.5)
    assert any(isinstance(action.message, m.Ping) for action in there.of(do.ToClient))


# --- the machine's memory --------------------------------------------------------------------------------------------


def test_the_machines_memory_is_left() -> None:
    """Idle workers leave until it is free; no card is looked at, and none left."""
    there = house()
    there.idle(A, cards={FIRST: 9 * GB})
    there.idle(B)
    there.total, there.available = 3000 * MB, 800 * MB
    request = there.control("yield", vram=-1, ram=1000 * MB)
    assert (there.drained(), there.answer(request)) == ([A], None)
    there.available = 1100 * MB
    there.leave(A)
    ram = {"freed_mb": 300.0, "free_mb": 1100.0, "total_mb": 3000.0}
    assert data(there, request) == {"cards": [], "ram": ram, "unloaded": [A], "busy": {}, "for_s": 60.0}


def test_both_are_left_by_one_yield() -> None:
    """A worker that has left for the machine's memory has left the card, too."""
    there = house()
    there.idle(A, cards={FIRST: 9 * GB})
    there.total, there.available = 3000 * MB, 800 * MB
    request = there.control("yield", vram=24 * GB, ram=1000 * MB)
    there.available = 1100 * MB
    there.leave(A)
    answer = data(there, request)
    assert (answer["unloaded"], answer["cards"][0]["free_mb"]) == ([A], 24_000.0)


def test_workers_keep_away_from_the_machines_memory() -> None:
    """A start is refused with the time after which to ask again, and then goes."""
    there = house()
    there.total = there.available = 10 * GB
    there.control("yield", vram=-1, ram=9900 * MB, for_s=90.0)
    request = there.request(A)
    answer = there.answer(request)
    assert isinstance(answer, m.Error)
    assert (answer.code, answer.retry_after_ms) == ("server_busy", 90_000)
    there.now += 90.0
    there.request(A)
    assert there.state(A) is State.STARTING


def test_templates_leave_first() -> None:
    """Before any worker, since nothing is lost with them but time."""
    there = House({"": {"memory_mb": 300.0}}, standby=("stt/a",))
    there.wait(60.0)
    there.tell(ev.TemplateReady("stt/a", 1, 80 * MB, 80 * MB))
    there.idle(B)
    there.available = 100 * MB
    there.control("yield", vram=-1, ram=150 * MB)
    assert there.drained() == []
    assert do.Dismiss("stt/a", 1) in there.done


def test_a_hold_lasts_as_long_as_its_connection() -> None:
    """However long that is; and a supervisor that a client has started stays meanwhile."""
    there = house()
    there.total = there.available = 10 * GB
    holder = there.stranger()
    request = there.control("yield", route=holder, ram=9900 * MB, hold=True)
    assert data(there, request)["for_s"] is None
    there.now += 8 * 86400.0
    assert there.code(there.request(A)) == "server_busy"
    assert there.pool._fleet.yields.held
    there.tell(ev.ClientGone(holder))
    assert not there.pool._fleet.yields.held
    there.request(A)
    assert there.state(A) is State.STARTING


def test_claims_of_several_programs_stand_beside_each_other() -> None:
    """The end of one leaves the other's, on cards too."""
    there = house()
    first, second = b"stranger", ROUTE
    there.stranger()
    there.control("yield", route=first, vram=24 * GB, hold=True)
    there.control("yield", route=second, vram=20 * GB, hold=True)
    kept = there.pool._admission.cards.kept
    assert kept.limit(FIRST, there.now) == 0
    there.tell(ev.ClientGone(first))
    assert kept.limit(FIRST, there.now) == 4 * GB


def test_a_client_that_is_gone_waits_for_nothing() -> None:
    """Its `yield` is not answered any more."""
    there = house()
    there.idle(A, cards={FIRST: 9 * GB})
    request = there.control("yield", route=there.stranger(), hold=True)
    there.tell(ev.ClientGone(b"stranger"))
    there.leave(A)
    assert there.answer(request) is None
    assert not there.pool._fleet.yields.held
