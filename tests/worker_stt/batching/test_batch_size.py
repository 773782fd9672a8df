"""The number of pieces at once, by the measurements of each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hushd_worker_stt.batching.batch_size import BatchSize


def work(size: BatchSize, took: Callable[[int], float], batches: int = 40) -> list[int]:
    """The sizes of so many batches, of pieces of 20 s."""
    sizes = []
    for _ in range(batches):
        sizes.append(size.now)
        size.learn(size.now, 20.0 * size.now, took(size.now))
    return sizes


def test_a_machine_on_which_batches_do_not_pay() -> None:
    """After three batches of one piece and three of two it is one for good."""
    assert work(BatchSize(8), lambda count: count * 1.0) == [1] * 3 + [2] * 3 + [1] * 34


def test_a_machine_on_which_they_always_pay() -> None:
    """The size is doubled up to the limit."""
    sizes = work(BatchSize(8), lambda count: 1.0)
    assert sizes == [1] * 3 + [2] * 3 + [4] * 3 + [8] * 31


def test_a_machine_that_is_full_with_four() -> None:
    """The largest size that paid is kept."""
    sizes = work(BatchSize(16), lambda count: max(1.0, count / 4))
    assert sizes[-1] == 4
    assert max(sizes) == 8


def test_a_small_gain_is_no_gain() -> None:
    """A larger batch delays the first text, and chance looks like that."""
    assert work(BatchSize(8), lambda count: 1.0 if count == 1 else 0.95 * count)[-1] == 1


@pytest.mark.parametrize(("cautious", "then"), [(True, 1), (False, 2)])
def test_a_gain_that_came_and_went(cautious: bool, then: int) -> None:
    """Batches must pay always, if other programs take the cores now and then."""
    size = BatchSize(2, cautious=cautious)
    for count, took in ((1, 1.0), (1, 1.5), (1, 1.0), (2, 1.0), (2, 1.0), (2, 1.9)):
        size.learn(count, 20.0 * count, took)
    assert size.now == then


def test_the_first_of_each_size_is_not_counted() -> None:
    """It pays for what the runtime prepares for a new size."""
    size = BatchSize(2)
    for count, took in ((1, 5.0), (1, 1.0), (1, 1.0), (2, 9.0), (2, 1.0), (2, 1.0)):
        size.learn(count, 20.0 * count, took)
    assert size.now == 2


def test_batches_that_are_not_full_teach_nothing() -> None:
    """Nothing is learned from the end of a recording, which is a smaller batch."""
    size = BatchSize(8, start=4)
    for _ in range(20):
        size.learn(3, 60.0, 1.0)
    assert size.now == 4


@pytest.mark.parametrize(("start", "then"), [(1, 1), (4, 2), (16, 8)])
def test_memory_that_was_not_enough(start: int, then: int) -> None:
    """Half of it, and never more again."""
    size = BatchSize(16, start)
    size.shrink()
    assert work(size, lambda count: 1.0)[-1] == then


def test_an_engine_without_batches() -> None:
    """One piece, whatever is measured."""
    assert set(work(BatchSize(1), lambda count: 0.1)) == {1}
