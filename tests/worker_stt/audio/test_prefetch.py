"""Work done ahead: the same items in the same order, no more of them than allowed, and nothing left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hushd_worker_stt.audio.prefetch import prefetch


def test_every_item_once_and_in_order() -> None:
    """Items made ahead are those that would have been made."""
    with prefetch(iter(range(1000))) as items:
        assert list(items) == list(range(1000))


def test_nothing_is_an_end_too() -> None:
    """No items: the iteration ends at once, and stays ended."""
    with prefetch(iter(())) as items:
        assert next(items, None) is None
        assert next(items, None) is None


@pytest.mark.parametrize("count", [1, 2, 5])
def test_no_more_than_count_are_ahead(count: int) -> None:
    """The maker waits: of items nobody has taken there are at most `count`, and the one being handed over."""
    made = 0
    waiting = threading.Event()

    def numbers() -> Iterator[int]:
        nonlocal made
        for number in range(100):
            made = number + 1
            if made == count + 3:
                waiting.set()
            yield number

    with prefetch(numbers(), count) as items:
        assert next(items) == 0
        assert not waiting.wait(0.2)
        assert made <= count + 1
        assert next(items) == 1


def test_an_error_comes_after_what_was_made_before_it() -> None:
    """An exception is raised in its place, once; nothing follows."""

    def numbers() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("three")

    with prefetch(numbers()) as items:
        assert [next(items), next(items)] == [1, 2]
        with pytest.raises(ValueError, match="three"):
            next(items)
        assert list(items) == []


def test_leaving_early_ends_the_thread() -> None:
    """A consumer that leaves, by an error of its own too, leaves no thread and no half-used source behind."""
    using = threading.Event()

    def numbers() -> Iterator[int]:
        using.set()
        try:
            yield from range(10_000)
        finally:
            using.clear()

    def leave(source: Iterator[int]) -> None:
        with prefetch(source) as items:
            next(items)
            raise RuntimeError

    before = threading.active_count()
    source = numbers()
    with pytest.raises(RuntimeError):
        leave(source)
    assert threading.active_count() <= before
    source.close()
    assert not using.is_set()
