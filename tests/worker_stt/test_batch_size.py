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


@pytest.mark.parametrize(("most", "took", "sizes"), [
    (8, lambda count: count * 1.0, [1] * 3 + [2] * 3 + [1] * 34),  # batches do not pay
    (8, lambda count: 1.0, [1] * 3 + [2] * 3 + [4] * 3 + [8] * 31),  # they always pay
    (16, lambda count: max(1.0, count / 4), [1] * 3 + [2] * 3 + [4] * 3 + [8] * 3 + [4] * 28),  # full with four
])  # fmt: skip
def test_the_largest_size_that_pays_is_kept(most: int, took: Callable[[int], float], sizes: list[int]) -> None:
    """It is doubled up to the limit, after three batches of each."""
    assert work(BatchSize(most), took) == sizes


@pytest.mark.parametrize(("start", "then"), [(1, 1), (4, 2), (16, 8)])
def test_memory_that_was_not_enough(start: int, then: int) -> None:
    """Half of it, and never more again."""
    size = BatchSize(16, start)
    size.shrink()
    assert work(size, lambda count: 1.0)[-1] == then
