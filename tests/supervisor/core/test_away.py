"""Tests of `unload` with a time: workers leave cards, or all leave, and none starts there meanwhile; no processes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_protocol.cards import Card
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.memory.away import Away
from hushd_supervisor.core.memory.cards import RELEASE_S
from hushd_supervisor.core.worker.states import State
from support.house import MB, ROUTE, A, B, House

GB = 1000 * MB
CARD = "0000:01:00.0"


def house(**worker: dict[str, Any]) -> House:
    """A house with memory for all, and one card; a worker needs 8 GB of it."""
    found = House({"": {"vram_mb": 8000.0}, **worker}, cards=[Card("cuda:0", CARD, "a card", 24 * GB, 24 * GB)])
    found.total = found.available = 100 * GB
    return found


def data(house: House, request: bytes) -> dict[str, Any]:
    answer = house.answer(request)
    assert isinstance(answer, m.Result), answer
    return answer.data


def test_workers_leave_cards_and_use_the_cpu_meanwhile() -> None:
    """Those on the CPU stay; the answer comes when the others are gone, and a start for `auto` says why it is there."""
    there = house(**{B: {"compute_device": "cpu"}})
    there.idle(A, cards={CARD: 9 * GB})
    there.idle(B)
    request = there.control("unload", for_s=60.0)
    assert (there.drained(), there.answer(request)) == ([A], None)
    there.leave(A)
    assert data(there, request)["unloaded"] == [A]
    there.request(A)
    assert there.placed()[-1] == (A, "cpu")
    assert "workers keep away from cards for another 60s" in there.row(A).why_there


def test_a_card_that_is_named_is_refused_at_once() -> None:
    """A sentence says until when, and the time after which to ask again; no look at the cards is needed."""
    there = house(stt={"compute_device": "cuda"})
    there.blind = True
    there.control("unload", for_s=90.0)
    error = there.refusal(there.request(A))
    assert error.code == "server_busy"
    assert "workers keep away from cards for another 90s, as `hushd unload --for` says" in error.message
    assert 89_000 <= (error.retry_after_ms or 0) <= 91_000


def test_it_is_answered_where_no_look_ever_is() -> None:
    """A slow driver delays nobody who wants its memory for more than five seconds."""
    there = house()
    there.idle(A, cards={CARD: 9 * GB})
    there.blind = True
    request = there.control("unload", for_s=60.0)
    there.leave(A)
    assert there.answer(request) is None
    there.wait(RELEASE_S)
    assert data(there, request)["unloaded"] == [A]


def test_it_is_answered_once_the_driver_shows_the_card_free() -> None:
    """A process that is gone may have memory there for a moment; who asked starts its own program next."""
    there = house()
    there.idle(A, cards={CARD: 9 * GB})
    request = there.control("unload", for_s=60.0)
    there.says(A, m.Bye())
    there.exit(A)
    there.wait(1.0)
    assert there.answer(request) is None
    there.free("cuda:0", 24 * GB)
    there.wait(0.2)
    assert data(there, request)["unloaded"] == [A]


def test_a_supervisor_that_leaves_waits_for_exits_alone() -> None:
    """Whoever asked for the card would wait for a driver whose answer nobody takes any more."""
    there = house()
    there.idle(A, cards={CARD: 9 * GB})
    request = there.control("unload", for_s=60.0)
    there.tell(ev.Shutdown())
    assert there.answer(request) is None
    there.says(A, m.Bye())
    there.exit(A)
    assert data(there, request)["unloaded"] == [A]


def test_everywhere_nobody_starts() -> None:
    """All leave, those on the CPU and pinned ones too; a request is refused at once, under pressure too."""
    there = house(**{B: {"compute_device": "cpu", "pinned": True}})
    there.idle(B)
    request = there.control("unload", for_s=60.0, everywhere=True)
    there.leave(B)
    assert data(there, request)["unloaded"] == [B]
    error = there.refusal(there.request(B))
    assert (error.code, "keep away for another 60s" in error.message) == ("server_busy", True)
    assert there.spawned() == [B]
    there.wait(60.0)
    there.request(B)
    assert there.spawned() == [B, B]


def test_a_program_has_them_keep_away_until_its_connection_ends() -> None:
    """Whatever other claims there are; meanwhile the supervisor stays."""
    there = house()
    holder = there.stranger()
    data(there, there.control("unload", route=holder, hold=True, everywhere=True))
    there.control("unload", for_s=5.0)
    there.wait(3600.0)
    error = there.refusal(there.request(A))
    assert "until another program ends, which has asked for that" in error.message
    assert error.retry_after_ms == pytest.approx(60_000, abs=2)
    there.tell(ev.ClientGone(holder))
    there.request(A)
    assert there.state(A) is State.STARTING


def test_a_supervisor_that_a_client_has_started_stays_for_as_long() -> None:
    """The next one would not know of the absence."""
    there = House(auto=True, exit_when_idle=10.0)
    there.control("unload", for_s=3600.0, everywhere=True)
    there.wait(3000.0)
    assert there.code(there.request(A, route=ROUTE)) == "server_busy"
    there.wait(609.0)
    assert there.of(do.Leave) == []
    there.wait(2.0)
    assert there.of(do.Leave) == [do.Leave()]


def test_of_two_absences_the_longer_counts_and_each_ends_by_itself() -> None:
    """One of a minute and one of ten: nobody starts on a card before the later ends, and each end is looked at."""
    away = Away()
    away.keep(160.0, everywhere=False, route=b"one")
    away.keep(700.0, everywhere=False, route=b"other")
    assert (away.left_s(100.0), away.deadline()) == (600.0, 160.0)
    assert (away.left_s(160.0), away.deadline()) == (540.0, 700.0)
    away.release(b"other")
    assert (away.left_s(161.0), away.deadline()) == (0.0, math.inf)
