"""The number of pieces at once, by the measurements of each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hushd_worker_stt.reader import BatchSize


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


@pytest.mark.parametrize(("start", "then"), [(1, 1), (4, 2), (16, 8)])
def test_memory_that_was_not_enough(start: int, then: int) -> None:
    """Half of it, and never more again."""
    size = BatchSize(16, start)
    size.shrink()
    assert work(size, lambda count: 1.0)[-1] == then
