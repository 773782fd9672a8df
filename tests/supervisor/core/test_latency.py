"""The latency in the status: the time from a request to its first output."""

from __future__ import annotations

from hushd_protocol import messages as m
from hushd_schema.status import WorkerStatus
from support.house import House

NAME = "stt/a/x"


def row(house: House) -> WorkerStatus:
    ((_, found),) = house.pool.fleet.status(house.now)
    return found


def test_the_first_output_counts_and_no_later_one() -> None:
    """A request that waits for the start, and then for its first text, is as late as that text."""
    house = House()
    house.now = 1.5  # the system has just started
    request = house.request(NAME)
    assert row(house).latency_ms is None
    house.wait(1.5)
    house.ready(NAME)
    house.wait(0.5)
    house.says(NAME, m.Partial(id=request, seq=0, data={}))
    house.wait(3.0)
    house.says(NAME, m.Result(id=request))
    assert row(house).latency_ms == row(house).latency_p95_ms == 2000.0


def test_a_late_one_among_many_is_the_95th_percentile() -> None:
    """The median is that of the last 32 requests; older ones are forgotten."""
    house = House()
    house.idle(NAME)
    for seconds in [1.0] * 5 + [0.1] * 30 + [2.0] * 2:
        request = house.request(NAME)
        house.wait(seconds)
        house.says(NAME, m.Result(id=request))
    assert row(house).latency_ms == 100.0
    assert row(house).latency_p95_ms == 2000.0
    for seconds in [3.0] * 2 + [0.1] * 30:
        request = house.request(NAME)
        house.wait(seconds)
        house.says(NAME, m.Result(id=request))
    assert row(house).latency_p95_ms == 3000.0
