"""Calls of several tasks that are made as one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest
from hushd_worker_stt import rendezvous


class Model:
    """Doubles numbers; notes the batches, and the threads that used it."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.threads: set[int] = set()

    def double(self, number: int, key: str = "") -> int:
        return rendezvous.call(key, number, self._together)

    def _together(self, numbers: Sequence[int]) -> list[int]:
        self.threads.add(threading.get_ident())
        self.batches.append(list(numbers))
        return [2 * number for number in numbers]


def task(model: Model, number: int, steps: int, key: str = "") -> Callable[[], int]:
    """Doubles `number` so many times, and looks at each result before the next call."""

    def run() -> int:
        value = number
        for _ in range(steps):
            value = model.double(value, key)
        return value

    return run


def test_calls_of_all_tasks_are_one() -> None:
    """Each task has its own results, in order, and the model saw one batch a step, on the caller's thread."""
    model = Model()
    assert rendezvous.run([task(model, n, 3) for n in (1, 2, 3)]) == [8, 16, 24]
    assert [sorted(batch) for batch in model.batches] == [[1, 2, 3], [2, 4, 6], [4, 8, 12]]
    assert model.threads == {threading.get_ident()}


def test_calls_that_do_not_go_together() -> None:
    """Only those with the same key are merged."""
    model = Model()
    rendezvous.run([task(model, n, 1, key) for n, key in ((1, "a"), (2, "b"), (3, "a"))])
    assert sorted(sorted(batch) for batch in model.batches) == [[1, 3], [2]]


def test_an_error_of_a_call_is_each_tasks_own() -> None:
    """The tasks may handle it; what none of them handles is raised once all have ended."""
    seen: list[int] = []

    def failing(number: int) -> Callable[[], int]:
        def together(numbers: Sequence[int]) -> list[int]:
            raise ValueError("no")

        def run() -> int:
            try:
                return int(rendezvous.call("", number, together))
            finally:
                seen.append(number)

        return run

    with pytest.raises(ValueError, match="no"):
        rendezvous.run([failing(1), failing(2)])
    assert sorted(seen) == [1, 2]


def test_an_error_of_a_task() -> None:
    """The others are not disturbed, and it is raised at the end."""
    model = Model()
    done: list[int] = []

    def other() -> None:
        done.append(task(model, 1, 3)())

    def broken() -> None:
        model.double(5)
        raise KeyError("mine")

    with pytest.raises(KeyError):
        rendezvous.run([other, broken])
    assert done == [8]
