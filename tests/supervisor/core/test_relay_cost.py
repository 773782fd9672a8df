"""The cost of a request that is relayed while many other workers start or wait for memory, as after a loss of all."""

from __future__ import annotations

import sys

import pytest
from hushd_protocol import messages as m
from hushd_supervisor.core.worker.states import State
from support.house import MB, House

WARM, LEAVES = "stt/a/x", "stt/b/y"
OTHERS, REQUESTS = 20, 50


def calls(house: House) -> float:
    """Counts the calls of functions in a request to the warm worker, and in its result."""
    count = 0

    def seen(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(seen)
    try:
        for _ in range(REQUESTS):
            request = house.request(WARM)
            house.says(WARM, m.Result(id=request))
            house.pool.deadline()
    finally:
        sys.setprofile(None)
    return count / REQUESTS


@pytest.mark.parametrize(
    ("megabytes", "state", "each"), [(10**6, State.STARTING, 70), (900, State.WAITING, 340)], ids=["start", "wait"]
)
def test_a_worker_that_is_not_ready_costs_others_little(megabytes: int, state: State, each: int) -> None:
    """Each of twenty that start, or wait for memory, adds so many calls at most to a request that is not for it."""
    house = House({WARM: {"pinned": True}})
    house.total = house.available = megabytes * MB
    house.idle(WARM)
    house.idle(LEAVES)
    alone = calls(house)
    for number in range(OTHERS):
        house.request(f"tts/a/m{number}")
    assert house.state("tts/a/m19") is state
    beside = calls(house) - alone
    assert beside < each * OTHERS
