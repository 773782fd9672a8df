"""A process that finds too little memory: others leave, it tries again, then the fall-back or an answer."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_protocol.cards import Card
from hushd_protocol.limits import EXIT_CARD_FAILED, EXIT_NO_MEMORY
from hushd_supervisor.core import actions as do
from hushd_supervisor.core.worker.process import CARD_RETRY_S
from hushd_supervisor.core.worker.states import State
from support.house import MB, A, B, C, House

SHORT = "The graphics card does not have enough free memory for a/x."


def fails(house: House, name: str, on_card: bool = False) -> None:
    """The load of `name` finds too little memory, and its process leaves."""
    house.says(name, m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    house.says(name, m.LoadFailed(code="server_busy", message=SHORT, on_card=on_card))
    house.says(name, m.Bye())
    house.exit(name, 78)


def devices(house: House, name: str) -> list[str]:
    return [action.compute_device for action in house.of(do.Spawn) if action.worker == name]


def on_card(house: House, name: str) -> None:
    """An idle worker that computes on a card."""
    house.request(name)
    house.says(name, m.WorkerHello(token="t", protocol=1, version="1", pid=2))
    house.says(name, m.Ready(slots=1, pss=300 * MB, capabilities={"compute_device": "cuda"}))
    house.finish(name)


def test_a_second_failure_is_an_answer() -> None:
    """It names the short memory and its holder, and when to ask again; no third try is made."""
    house = House()
    house.total = house.available = 5000 * MB
    house.idle(B)
    house.busy(C)
    request = house.request(A)
    fails(house, A)
    house.leave(B)
    fails(house, A)
    answer = house.refusal(request)
    assert (answer.code, answer.retryable) == ("server_busy", True)
    assert answer.message == (
        f"{SHORT} Some of it is held by {C}, which cannot leave now. Ask again in 60 s, take a smaller model, or "
        f"make room by `hushd unload {C}`."
    )
    assert answer.retry_after_ms
    assert house.spawned().count(A) == 2
    later = house.request(A)  # and the next request starts afresh
    assert house.spawned().count(A) == 3
    house.ready(A)
    house.finish(A)
    assert house.code(later) == "result"


def test_a_second_failure_is_the_last_whoever_could_leave() -> None:
    """Each try that fails would have others leave for nothing, one after the other."""
    house = House()
    house.total = house.available = 5000 * MB
    house.idle(B)
    house.busy(C)
    request = house.request(A)
    fails(house, A)
    house.leave(B)
    house.finish(C)
    fails(house, A)
    assert (house.code(request), house.drained(), house.spawned().count(A)) == ("server_busy", [B], 2)


def test_who_is_on_no_card_makes_no_room_there() -> None:
    """An idle worker on the CPU stays when a load has not fitted on a card."""
    house = House()
    house.idle(B)
    house.request(A)
    fails(house, A, on_card=True)
    assert (house.drained(), devices(house, A)) == ([], ["", "cpu"])


def test_the_cpu_takes_over_from_a_full_card() -> None:
    """The request is done there, and the status says why; after ten minutes the process is replaced by one that tries
    the card."""
    house = House(worker={"stt/a": {"keep_alive": -1}})
    request = house.request(A)
    fails(house, A, on_card=True)
    assert devices(house, A) == ["", "cpu"]
    house.ready(A)
    house.finish(A)
    assert house.code(request) == "result"
    assert house.pool.fleet.status(house.now)[0][1].why_there == "the card had no memory for it"
    house.now += CARD_RETRY_S
    house.busy(A)
    house.finish(A)
    assert house.drained() == [A]
    house.request(A)  # while it leaves
    house.leave(A)
    assert devices(house, A) == ["", "cpu", ""]


@pytest.mark.parametrize(
    ("settings", "then"), [({"compute_device": "auto"}, "cpu"), ({"compute_device": "cuda:1"}, "")]
)
def test_a_request_whose_card_fails_is_repeated_elsewhere(settings: dict[str, Any], then: str) -> None:
    """It is repeated once, in a new process: on the CPU where the configuration lets it, else on the same card."""
    house = House(worker={"stt/a": settings})
    request = house.busy(A)
    house.exit(A, EXIT_CARD_FAILED)
    house.wait(1)
    assert devices(house, A) == ["", then]
    house.ready(A)
    house.finish(A)
    assert house.code(request) == "result"


def test_a_job_that_needs_more_memory_than_there_is() -> None:
    """A fresh process tries it once; then the answer is not a reproach for a poisonous request."""
    house = House()
    request = house.busy(A)
    house.exit(A, EXIT_NO_MEMORY, log_tail="The graphics card did not have enough free memory for this request.")
    house.wait(1)
    house.ready(A)
    house.exit(A, EXIT_NO_MEMORY, log_tail="The graphics card did not have enough free memory for this request.")
    answer = house.refusal(request)
    assert (answer.code, answer.retryable) == ("server_busy", True)
    assert "did not have enough free memory" in answer.message
    house.request(A)
    assert house.state(A) is State.STARTING  # and others are served


def test_a_worker_that_had_to_leave_its_card_tries_it_again_once_it_has_stopped() -> None:
    """The reason of one start on the CPU, which was ended before it was ready, is none for the next."""
    house = House(cards=[Card("cuda:0", "0000:01:00.0", "a card", 24_000 * MB, 24_000 * MB)])
    house.total = house.available = 100_000 * MB
    house.idle(A, cards={"0000:01:00.0": 2000 * MB})
    house.control("unload")
    house.leave(A)
    house.request(A)
    fails(house, A, on_card=True)
    assert house.placed()[-1] == (A, "cpu")
    house.control("unload")
    house.exit(A, -9)
    house.request(A)
    assert house.placed()[-1] == (A, "cuda:0")
