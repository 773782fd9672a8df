"""A request that a command has announced: its worker starts at once, where nothing speaks against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_protocol.cards import Card
from hushd_supervisor.core import actions as do
from hushd_supervisor.core import events as ev
from hushd_supervisor.core.fleet import MAX_WORKERS
from hushd_supervisor.core.worker.process import CARD_RETRY_S
from hushd_supervisor.core.worker.states import State
from support.house import MB, A, B, C, House

PLACE = "0000:65:00.0"
CARD = Card("cuda:0", PLACE, "", 8000 * MB, 8000 * MB)


def test_the_worker_is_there_for_the_request() -> None:
    """One process starts, and has the job; who announces it again meanwhile changes nothing."""
    house = House()
    house.tell(ev.Expected("tts"))
    assert house.spawned() == [C]
    house.tell(ev.Expected("tts"))
    request = house.request("tts", params={"languages": []})
    house.ready(C)
    house.finish(C)
    house.tell(ev.Expected("tts"))
    assert (house.spawned(), house.code(request)) == ([C], "result")
    house.wait(299.0)
    assert house.drained() == []


@pytest.mark.parametrize(("keep_alive", "stays"), [(20.0, 20.0), (300.0, 60.0)])
def test_a_worker_whose_request_never_comes_leaves_soon(keep_alive: float, stays: float) -> None:
    """It stays a minute at most, however long others rest."""
    house = House({"": {"memory_mb": 300.0, "keep_alive": keep_alive}})
    house.tell(ev.Expected("tts"))
    house.ready(C)
    house.wait(stays - 1.0)
    assert house.drained() == []
    house.wait(2.0)
    assert house.drained() == [C]


@pytest.mark.parametrize(
    ("languages", "started"), [((), C), (("en",), C), (("fr", "en"), "tts/d/fr"), (("x" * 999,), C)]
)
def test_the_languages_of_its_request_choose_it(languages: tuple[str, ...], started: str) -> None:
    """They do as in the request itself."""
    house = House(tts_by_language={"fr": "d/fr"})
    house.tell(ev.Expected("tts", languages))
    house.request("tts", params={"languages": list(languages)})
    assert house.spawned() == [started]


OBSTACLES: dict[str, Callable[[House], object]] = {
    "memory is taken": lambda house: [house.idle(B), setattr(house, "available", 200 * MB)],
    "another waits for memory": lambda house: [house.busy(B), setattr(house, "available", 200 * MB), house.request(C)],
    "it has just crashed": lambda house: [house.request(A), house.exit(A, 1)],
    "the supervisor leaves": lambda house: [house.busy(B), house.tell(ev.Shutdown(renew=True))],
}


@pytest.mark.parametrize("obstacle", OBSTACLES.values(), ids=OBSTACLES)
def test_nothing_is_done_for_it_that_costs_others(obstacle: Callable[[House], object]) -> None:
    """Nobody leaves for it, it waits for nothing, and it tries nothing that has just failed."""
    house = House()
    obstacle(house)
    before, drained, state = house.spawned(), house.drained(), house.state(A)
    house.tell(ev.Expected("stt"))
    assert (house.spawned(), house.drained(), house.state(A)) == (before, drained, state)


def test_one_that_is_not_kept_alive_waits_for_the_request() -> None:
    """It would leave before a slow command asks."""
    house = House({"": {"memory_mb": 300.0, "keep_alive": 0.0}})
    house.tell(ev.Expected("stt"))
    assert house.spawned() == []
    house.request("stt")
    assert house.spawned() == [A]


def test_a_failed_start_is_no_error_of_anybody() -> None:
    """A model that is missing is reported to the client that asks, whose own try it is."""
    house = House()
    house.tell(ev.Expected("stt"))
    house.says(A, m.LoadFailed(code="model_missing", message="It is not here."))
    house.leave(A)
    assert (house.of(do.ToClient)[1:], house.state(A)) == ([], State.STOPPED)
    request = house.request("stt")
    house.says(A, m.LoadFailed(code="model_missing", message="It is not here."))
    assert house.code(request) == "model_missing"


@pytest.mark.parametrize("role", ["", "nobody", "stt/a/x/y", "stt/../x", "\0", "s" * 5000, "🎤"])
def test_words_that_name_no_role_are_dropped(role: str) -> None:
    """No answer follows, and no worker starts."""
    house = House()
    house.tell(ev.Expected(role))
    assert len(house.of(do.ToClient)) == 1  # the welcome
    assert house.spawned() == []


def on_card(**options: Any) -> House:
    """A house with one card, of which its driver has not yet told anything."""
    house = House({"": {"memory_mb": 300.0, "vram_mb": 2000.0}}, cards=[CARD], **options)
    house.blind = True
    return house


def test_the_driver_is_asked_once_and_then_the_worker_starts() -> None:
    """Whoever announces it needs to say so once, however long the driver takes, and however often."""
    house = on_card()
    house.tell(ev.Expected("stt"))
    house.tell(ev.Expected("stt"))
    assert (house.of(do.ProbeCards), house.spawned()) == ([do.ProbeCards()], [])
    house.tell(ev.Relieved(freed=True))  # the answer under way is older than this
    house.see()
    assert (house.of(do.ProbeCards), house.spawned()) == ([do.ProbeCards()] * 2, [])
    house.see()
    assert (house.of(do.ProbeCards), house.placed()) == ([do.ProbeCards()] * 2, [(A, "cuda:0")])
    house.ready(A, cards={PLACE: 2000 * MB})
    house.control("unload")
    house.leave(A)
    house.see()
    house.see()
    assert house.spawned() == [A], "it was announced once"


MEANWHILE: dict[str, Callable[[House], object]] = {
    "its request comes": lambda house: house.request("stt"),
    "the supervisor leaves": lambda house: house.tell(ev.Shutdown(renew=False)),
    "another supervisor takes over": lambda house: [house.request(C), house.tell(ev.Shutdown(renew=True))],
    "every name is taken": lambda house: [house.request(f"stt/x/{each}") for each in range(MAX_WORKERS)],
    "no card works": lambda house: house.see("the driver is broken"),
}


@pytest.mark.parametrize("event", MEANWHILE)
def test_what_happens_while_the_driver_is_asked_counts(event: str) -> None:
    """The worker starts once, or not at all in a supervisor that leaves or has no place for it."""
    house = on_card()
    house.tell(ev.Expected("stt"))
    MEANWHILE[event](house)
    house.see()
    assert house.spawned().count(A) == (event in ("its request comes", "no card works"))


def test_an_announced_start_forgets_why_the_last_one_left_its_card() -> None:
    """It is on the card again, and is not replaced after ten minutes for a card that it has."""
    house = House({"": {"memory_mb": 300.0, "keep_alive": -1}}, cards=[CARD])
    house.idle(A, cards={PLACE: 2000 * MB})
    house.exit(A, -11)
    house.wait(2.0)
    house.free("cuda:0", 8000 * MB)
    house.tell(ev.Expected("stt"))
    house.ready(A, cards={PLACE: 2000 * MB})
    assert house.placed() == [(A, "cuda:0")] * 2
    house.finish(A)
    house.now += CARD_RETRY_S
    house.busy(A)
    house.finish(A)
    assert house.drained() == []
