"""Tests of the memory of graphics cards among the workers: a pool without processes, on cards of 24 GB."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_protocol.cards import Card
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import status
from hushd_supervisor.core.memory.cards import PROBE_FRESH_S, RELEASE_PROBE_INTERVAL_S, Cards, _awaited, _Release
from hushd_supervisor.core.worker.process import CARD_RETRY_S
from hushd_supervisor.core.worker.states import State
from support.house import MB, A, B, House

GB = 1000 * MB
FIRST, SECOND = "0000:01:00.0", "0000:65:00.0"
D = "stt/d/y"


def card(id: str = FIRST, device: str = "cuda:0", **fields: Any) -> Card:
    return Card(device, id, "a card", **{"total": 24 * GB, "free": 24 * GB, **fields})


def house(*cards: Card, worker: dict[str, dict[str, Any]] | None = None, **options: Any) -> House:
    """A house with memory for all, and one card or these; a worker needs 10 GB of a card."""
    there = list(cards or [card()])
    found = House({"": {"memory_mb": 300.0, "vram_mb": 10_000.0}, **(worker or {})}, cards=there, **options)
    found.total = found.available = 100 * GB
    return found


def why(house: House, name: str) -> str:
    return [action.why for action in house.of(do.Spawn) if action.worker == name][-1]


# --- a card with room -----------------------------------------------------------------------------------------------


def test_a_start_waits_for_a_look_at_the_cards() -> None:
    """Nothing is started before the driver's answer; the card with most room is taken."""
    there = house(card(free=12 * GB), card(SECOND, "cuda:1", free=20 * GB))
    there.blind = True
    there.request(A)
    assert (there.of(do.ProbeCards), there.spawned(), there.state(A)) == ([do.ProbeCards()], [], State.WAITING)
    there.see()
    assert there.placed() == [(A, "cuda:1")]


def learnt(there: House) -> dict[str, int]:
    """The needs that the next supervisor would have."""
    return dict(there.of(do.Remember)[-1].needs) if there.of(do.Remember) else {}


def test_no_worker_takes_more_of_a_card_than_there_is() -> None:
    """Its word about a card is bounded by the card: neither its row nor its learnt need has more."""
    there = house()
    there.request(A)
    there.ready(A, cards={FIRST: 1 << 49})
    assert there.row(A).cards_mb == {FIRST: 24_000.0}
    there.says(A, m.Beat(cpu_s=1.0, pss=1, cards={FIRST: 1 << 49}))
    assert there.row(A).cards_mb == {FIRST: 24_000.0}
    there.finish(A)
    there.control("unload")
    there.leave(A)
    assert {learnt(there)[key] for key in (f"{A}@{FIRST}", f"{A}@{FIRST}:ready")} == {24 * GB}


@pytest.mark.parametrize("word", [
    m.LoadFailed(code="server_busy", message="no room", on_card=True),
    m.Ready(pss=90 * GB, peak=90 * GB, cards={FIRST: 23 * GB}),
])  # fmt: skip
def test_who_has_loaded_says_nothing_of_a_load(word: m.Message) -> None:
    """A process that works and then says that it has loaded, or could not, teaches nothing."""
    there = house()
    there.request(A)
    there.ready(A, cards={FIRST: 3 * GB})
    for _ in range(9):
        there.says(A, word)
    assert len([log for log in there.of(do.Log) if f"{A} is ready" in log.text]) == 1
    there.finish(A)
    there.control("unload")
    there.leave(A)
    assert max(learnt(there).values()) <= 3 * GB


def test_who_is_killed_for_what_it_says_teaches_nothing() -> None:
    """A `ready` with capabilities that are none ends the process, whatever sizes it has."""
    there = house()
    there.request(A)
    there.says(A, m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    there.says(A, m.Ready(pss=90 * GB, peak=90 * GB, cards={FIRST: 23 * GB}, capabilities={"engine": 3}))
    assert there.state(A) is State.KILLING
    there.exit(A, -9)
    assert learnt(there) == {}


# --- idle workers leave ---------------------------------------------------------------------------------------------


def test_memory_counts_once_the_driver_reports_it_free() -> None:
    """A look that still finds it taken after the exit is repeated; nobody else is asked to leave for it."""
    there = house(needs={f"{B}@{FIRST}": 18 * GB, f"{B}@{FIRST}:ready": 18 * GB})
    there.idle(D, cards={FIRST: 4 * GB})
    there.idle(A, cards={FIRST: 12 * GB})
    there.request(B)
    assert there.drained() == [A]
    there.says(A, m.Bye())
    there.exit(A)  # and the driver has not noticed
    looks = len(there.of(do.ProbeCards))
    assert there.state(B) is State.WAITING
    there.wait(RELEASE_PROBE_INTERVAL_S * 3)
    assert len(there.of(do.ProbeCards)) >= looks + 2
    assert (there.drained(), there.spawned()) == ([A], [D, A])
    there.free("cuda:0", 20 * GB)
    there.wait(RELEASE_PROBE_INTERVAL_S)
    assert there.placed()[2:] == [(B, "cuda:0")]


@pytest.mark.parametrize("settings", [{}, {"compute_device": "cuda"}])
def test_a_card_with_room_on_a_machine_without_memory(settings: dict[str, Any]) -> None:
    """Both must have room, and the CPU is not a way out: it is not the card that is full."""
    on_cpu = 900 * MB if settings.get("compute_device", "auto") == "auto" else 100 * MB
    there = house(worker={"stt": settings}, needs={f"{A}@cuda": 900 * MB, A: on_cpu, f"{A}@{FIRST}": 8 * GB})
    there.busy(B)
    there.total = there.available = 1000 * MB
    answer = there.refusal(there.request(A))
    assert answer.code == "server_busy"
    assert answer.message.startswith(f"There is no memory for {A} (900 MB) now: workers take 300 of their 800 MB")
    assert there.spawned() == [B]


def test_memory_beside_a_card_is_not_that_of_the_cpu() -> None:
    """A model on a card takes less of the machine's memory, and starts where there is only so much."""
    there = house(needs={f"{A}@cuda": 400 * MB, A: 5000 * MB, f"{A}@{FIRST}": 8 * GB, B: 100 * MB})
    there.busy(B)
    there.total, there.available = 2000 * MB, 1500 * MB
    there.request(A)
    assert there.placed()[1:] == [(A, "cuda:0")]


# --- no room --------------------------------------------------------------------------------------------------------


def test_without_room_the_cpu_will_do() -> None:
    """Another program has the card: `auto` is the CPU, and the worker is given the reason to report; whoever names a
    card is refused with it, and does not wait for the CPU's text instead."""
    there, reason = house(card(free=4 * GB - 400_000)), "cuda:0 has 4000 MB free of the 10256 MB that it needs"
    there.request(A)
    assert (there.placed(), why(there, A)) == ([(A, "cpu")], reason)
    there = house(card(free=4 * GB), worker={"stt": {"compute_device": "cuda"}})
    answer = there.refusal(there.request(A))
    assert (answer.code, there.placed()) == ("server_busy", [])
    assert reason in answer.message


def test_a_card_that_is_asked_for_and_full_is_busy() -> None:
    """The answer names the short memory and its holder, at once."""
    there = house(worker={"stt": {"compute_device": "cuda"}}, needs={f"{B}@{FIRST}": 18 * GB})
    there.request(A)
    there.ready(A, cards={FIRST: 9 * GB})
    there.free("cuda:0", 5 * GB)
    answer = there.refusal(there.request(B))
    assert (answer.code, answer.message) == (
        "server_busy",
        f"There is no room for {B} on cuda:0 now: cuda:0 has 5000 MB free of the 18256 MB that it needs, workers hold "
        "9000 MB, other programs 10000.",
    )


def test_one_card_by_its_number() -> None:
    """No other is taken in its place, however empty."""
    there = house(card(), card(SECOND, "cuda:1", free=12 * GB), worker={"stt": {"compute_device": "cuda:1"}})
    there.request(A)
    assert there.placed() == [(A, "cuda:1")]


# --- looks that fail, cards that vanish -----------------------------------------------------------------------------


def test_a_reason_why_no_card_can_be_used_is_logged_when_it_is_new() -> None:
    """It is logged once, however often the driver is asked; so is another, and the same after cards were seen."""
    there = house()
    for said in ("no driver", "no driver", "an old driver", "no driver", "", "no driver"):
        there.see(said)
    expected = [
        f"the graphics cards cannot be used: {why}" for why in ("no driver", "an old driver", *["no driver"] * 2)
    ]
    assert [log.text for log in there.of(do.Log)] == expected


def test_the_status_has_each_card_as_it_was_seen_last() -> None:
    """Its memory, the workers' part of it, and how long ago that was; an error of the driver beside it."""
    there = house(card(free=20 * GB), card(SECOND, "cuda:1", asleep=True))
    there.request(A)
    there.ready(A, cards={FIRST: 6 * GB})
    there.see()
    there.now += 7.5
    found = status.memory(there.pool.fleet.admission, there.now)
    first, second = found.cards
    assert (first.device, first.id, first.name, first.asleep) == ("cuda:0", FIRST, "a card", False)
    assert (first.total_mb, first.used_mb, first.seen_s) == (24_000.0, 6000.0, 7.5)
    assert (second.device, second.asleep, second.used_mb, second.seen_s) == ("cuda:1", True, 0.0, 7.5)
    assert found.cards_error == ""
    there.see("no driver")
    assert status.memory(there.pool.fleet.admission, there.now).cards_error == "no driver"


def test_a_look_is_fresh_for_a_second() -> None:
    """It is so from its answer on, and not while another one is under way."""
    cards = Cards(lambda: True)
    cards.probed((), "", {}, 10.0)
    assert [cards.fresh(10.0 + since) for since in (0.0, PROBE_FRESH_S, PROBE_FRESH_S + 0.01)] == [True, True, False]
    assert cards.probe()
    assert not cards.fresh(10.0)


def test_memory_counts_as_free_once_most_of_it_is() -> None:
    """It also counts once little more is used than living workers take, whoever had it before."""
    release = _Release(FIRST, 4 * GB, 20 * GB, 0.0)
    for free, taken, awaited in ((21, 0, True), (22, 0, False), (18, 4, False), (18, 3, True)):
        assert _awaited(release, card(free=free * GB), {FIRST: taken * GB}) is awaited


def test_what_has_ended_leaves_its_own_card() -> None:
    """It counts there as leaving until the driver says that it has, and on no other card."""
    cards = Cards(lambda: True)
    cards.gone({FIRST: GB}, 10.0)
    assert [(each.size, each.leaving) for each in cards.pending(FIRST)] == [(GB, True)]
    assert not cards.pending(SECOND)


# --- back to the card -----------------------------------------------------------------------------------------------


def test_after_ten_minutes_the_card_is_tried_again() -> None:
    """A worker that went to the CPU is replaced after a job, and not before."""
    there = house(card(free=4 * GB), worker={"stt": {"keep_alive": -1}})
    there.idle(A)
    there.free("cuda:0", 24 * GB)
    there.now += CARD_RETRY_S - 1
    there.busy(A)
    there.finish(A)
    assert there.drained() == []
    there.now += 1
    there.busy(A)
    there.finish(A)
    assert there.drained() == [A]
    there.leave(A)
    there.request(A)
    assert there.placed() == [(A, "cpu"), (A, "cuda:0")]


# --- needs ----------------------------------------------------------------------------------------------------------


def test_a_model_that_is_larger_than_the_guess() -> None:
    """Its load fails on the card, and goes on on the CPU; later starts do not try again with as little memory."""
    there = house(card(free=11 * GB))
    request = there.request(A)
    there.says(A, m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    there.says(A, m.LoadFailed(code="server_busy", message="The card is full.", on_card=True))
    there.exit(A, 78)
    there.ready(A)
    there.finish(A)
    assert there.code(request) == "result"
    there.control("unload")
    there.leave(A)
    there.now += 2
    there.request(A)
    assert there.placed() == [(A, "cuda:0"), (A, "cpu"), (A, "cpu")]
    assert why(there, A) == "cuda:0 has 11000 MB free of the 11256 MB that it needs"
    there.free("cuda:0", 24 * GB)
    there.control("unload", force=True)
    there.leave(A)
    there.now += 2
    there.request(A)
    assert there.placed()[-1] == (A, "cuda:0")
