"""The scheduler of simulated threads: waiting, time, locks, and what a killed process never does."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

if find_spec("greenlet") is None:
    pytest.skip("needs the package greenlet", allow_module_level=True)

from simulation import threads
from simulation.scheduler import Scheduler


class Owner:
    """A process, as far as threads know it."""

    def __init__(self) -> None:
        self.threads: list[Any] = []
        self.failures: list[BaseException] = []
        self.arrived: list[int] = []  # signals, of which it gets none

    def may_start_thread(self) -> None: ...

    def thread_failed(self, thread: Any, error: BaseException) -> None:
        self.failures.append(error)


def run(seed: int, body: Callable[[Scheduler, Any], None]) -> Scheduler:
    """Runs `body` as the first thread of a process, until all threads have ended."""
    scheduler, over = Scheduler(seed, switches=3), []
    modules = threads.modules(scheduler)

    def first() -> None:
        body(scheduler, modules["threading"])
        over.append(True)

    scheduler.spawn(Owner(), first, "main")
    scheduler.run(lambda: bool(over))
    return scheduler


def order(seed: int) -> list[int]:
    """The order in which five threads that do the same come to their end."""
    ended: list[int] = []

    def body(scheduler: Scheduler, threading: Any) -> None:
        lock = threading.Lock()

        def work(number: int) -> None:
            for _ in range(5):
                with lock:
                    scheduler.point()
            ended.append(number)

        crowd = [threading.Thread(target=work, args=(number,)) for number in range(5)]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()

    run(seed, body)
    return ended


def test_the_seed_decides_who_comes_first() -> None:
    """The same seed gives the same order, and twenty seeds give many."""
    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(20)}) > 10


def test_a_lock_has_one_holder() -> None:
    """However turns are drawn, nobody enters a lock that another has."""

    def body(scheduler: Scheduler, threading: Any) -> None:
        lock, inside, most = threading.Lock(), [0], [0]

        def work() -> None:
            for _ in range(20):
                with lock:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    scheduler.pause()
                    inside[0] -= 1

        crowd = [threading.Thread(target=work) for _ in range(4)]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
        assert most == [1]

    for seed in range(20):
        run(seed, body)


def test_a_dead_process_does_nothing_more() -> None:
    """The threads of a process that was killed run no further line, not even a `finally`."""
    scheduler = Scheduler(1)
    modules = threads.modules(scheduler)
    victim, done = Owner(), []

    def live() -> None:
        try:
            modules["threading"].Event().wait(10.0)
            done.append("lived")
        finally:
            done.append("finally")

    scheduler.spawn(victim, live, "main")
    scheduler.later(5.0, lambda: scheduler.bury(victim))
    ends: list[bool] = []
    scheduler.later(20.0, lambda: ends.append(True))
    scheduler.run(lambda: bool(ends))
    assert done == []


def test_the_lock_of_a_module_is_each_processs_own() -> None:
    """A process that is killed with the lock of an imported module holds up no other one."""
    scheduler = Scheduler(1)
    modules = threads.modules(scheduler)
    lock, victim, taken = modules["threading"].Lock(), Owner(), []

    def hold() -> None:
        with lock:
            modules["threading"].Event().wait(10.0)

    def take() -> None:
        taken.append(lock.acquire(timeout=5.0))
        taken.append(lock.acquire(timeout=1.0))  # and within the process it is one

    scheduler.spawn(victim, hold, "main")
    scheduler.later(1.0, lambda: scheduler.bury(victim))
    scheduler.later(2.0, lambda: scheduler.spawn(Owner(), take, "main"))
    scheduler.run(lambda: len(taken) == 2)
    assert taken == [True, False]
