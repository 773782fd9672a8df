"""Tests of programs that come by the door, and a supervisor that leaves when nobody needs it."""

from __future__ import annotations

from hushd_protocol import messages as m
from hushd_schema.settings import Settings
from hushd_supervisor.core.actions import Leave
from hushd_supervisor.core.events import Configured, FromClient, Visited
from hushd_supervisor.core.pool import Pool
from support.house import ROUTE, A, House


def idle_pool() -> Pool:
    """A pool that leaves after 10 s, at the time 100."""
    pool = Pool(Settings(exit_when_idle=10.0), version="0", pid=1, auto=True)
    pool.on_time(100.0)
    return pool


def leaves_at(pool: Pool) -> float | None:
    due = pool.deadline()
    if due is not None:
        assert Leave() in pool.on_time(due)
    return due


def test_a_door_that_needs_the_supervisor_keeps_it() -> None:
    """The time begins once it listens no more by itself, and no gateway has connections."""
    pool = idle_pool()
    pool.handle(Visited(needed=True), 101.0)
    assert pool.deadline() is None
    pool.handle(Visited(needed=False), 500.0)
    assert leaves_at(pool) == 510.0


def test_another_idle_time_counts_from_now_on() -> None:
    """A configuration that is taken over while it waits changes when it leaves, sooner or later."""
    pool = idle_pool()
    pool.handle(Configured(Settings(exit_when_idle=3.0)), 104.0)
    assert pool.deadline() == 107.0
    pool.handle(Configured(Settings(exit_when_idle=60.0)), 105.0)
    assert leaves_at(pool) == 165.0


def test_who_is_served_keeps_it() -> None:
    """A turn at the loudspeaker and a worker's process do; its time begins when the last of them has ended."""
    house = House(auto=True, exit_when_idle=10.0)
    house.tell(FromClient(ROUTE, m.Claim(id=bytes(16), devices=["speaker"])))
    house.wait(60.0)
    house.tell(FromClient(ROUTE, m.Yield(id=bytes(16))))
    house.wait(9.0)
    house.idle(A)
    house.wait(60.0)
    house.control("unload")
    house.leave(A)
    house.wait(9.0)
    assert house.of(Leave) == []
    house.wait(2.0)
    assert house.of(Leave) == [Leave()]
