"""Tests of the supervisor's heap: what clients leave behind is given back, and nothing is ever due at rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import zmq
from hushd_supervisor.system.libzmq.heap import APART_S, GROWTH, MAX_BYTES, PAUSE_S, URGENT_S, WORTH, Heap
from support.peer import Supervisor, wait_until


class Machine:
    """A size that can be set, and a count of trims."""

    def __init__(self) -> None:
        self.size = 20_000_000
        self.trims = 0
        self.free = 0  # of the size, by the next trim
        self.heap = Heap(lambda: self.size, self.trim)

    def trim(self) -> None:
        self.trims += 1
        self.size -= self.free
        self.free = 0


def test_nothing_is_due_before_a_client_has_left() -> None:
    """A supervisor that has grown by itself is not looked at."""
    machine = Machine()
    machine.size += 10 * WORTH
    machine.heap.on_time(1e9)
    assert (machine.heap.deadline(), machine.trims) == (None, 0)


@pytest.mark.parametrize(("more", "trims"), [(0, 0), (WORTH - 1, 0), (WORTH, 1)])
def test_one_look_a_moment_after_clients_have_left(more: int, trims: int) -> None:
    """Many departures are one look, which trims only where that is worth it; then nothing is due again."""
    machine = Machine()
    machine.size += more
    machine.free = more
    for now in (100.0, 100.5, 100.9):
        machine.heap.client_left(now)
        machine.heap.on_time(now)
    assert (machine.heap.deadline(), machine.trims) == (100.0 + PAUSE_S, 0)
    machine.heap.on_time(100.0 + PAUSE_S)
    assert (machine.heap.deadline(), machine.trims) == (None, trims)


def test_a_trim_that_was_not_enough_is_repeated_once() -> None:
    """libzmq may free a client's memory after the first one."""
    machine = Machine()
    machine.size += 10 * WORTH
    machine.heap.client_left(100.0)
    machine.heap.on_time(101.0)
    assert (machine.heap.deadline(), machine.trims) == (101.0 + APART_S, 1)
    machine.heap.on_time(101.0 + APART_S)
    assert (machine.heap.deadline(), machine.trims) == (None, 2)


def test_clients_that_come_and_go_cost_a_trim_now_and_then() -> None:
    """With one departure a second there is a trim every four seconds at most."""
    machine = Machine()
    machine.size += 2 * WORTH
    for now in range(100):
        machine.heap.client_left(float(now))
        machine.heap.on_time(float(now))
    assert machine.trims <= 100 / APART_S


def test_a_crowd_that_has_left_leaves_no_memory_behind(start_supervisor: Callable[..., Supervisor]) -> None:
    """Three hundred clients cost a real supervisor megabytes, and two seconds after they have left nothing."""
    supervisor = start_supervisor(cold=True)

    def size() -> float:
        return float(probe.control("status")["supervisor"]["rss_mb"])

    with supervisor.connect() as probe, zmq.Context() as context:
        crowd = [supervisor.connect(context=context) for _ in range(300)]
        grown = size()
        for client in crowd:
            client.close()
        wait_until(lambda: size() < grown - 5, "the memory's return")


def test_each_megabyte_of_growth_is_noticed_once() -> None:
    """However slowly it comes; memory given back counts anew."""
    machine = Machine()
    grown = []
    for _ in range(40):
        machine.size += GROWTH // 4
        grown.append(machine.heap.grown())
    assert grown == [False, False, False, True] * 10
    machine.size -= 5 * GROWTH
    assert not machine.heap.grown()
    machine.size += GROWTH
    assert machine.heap.grown()


def test_a_size_beyond_the_limit_is_trimmed_first_and_only_growth_is_somebodys_fault() -> None:
    """Freed memory may not show before a trim: no second client goes for that of the first."""
    machine = Machine()
    assert not machine.heap.too_large(1.0)
    machine.size += MAX_BYTES
    assert machine.heap.too_large(1.0)
    assert machine.trims == 1
    assert not machine.heap.too_large(1.01)
    machine.size += 1
    assert machine.heap.too_large(1.02)
    assert machine.trims == 1
    assert machine.heap.too_large(1.0 + URGENT_S)
    assert machine.trims == 2
    machine.size -= MAX_BYTES
    assert not machine.heap.too_large(2.0)
