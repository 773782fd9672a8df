"""Makes the next items on another thread while the last one is still in use."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


@contextmanager
def prefetch(items: Iterable[T], count: int = 2) -> Iterator[Prefetcher[T]]:
    """Makes `items` on a separate thread, up to `count` ahead of the consumer.

    An exception of `items` is raised in the consumer, at the same place. Leaving the block waits for the item in
    progress, so that its source can be closed safely; so each item must take a bounded time.
    """
    made = Prefetcher(items, count)
    thread = threading.Thread(target=made.make, name="prefetch", daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        thread.join()


class Prefetcher(Iterator[T], Generic[T]):
    """The prefetched items, `count` at most."""

    def __init__(self, items: Iterable[T], count: int) -> None:
        self._items = items
        self.count = count
        self._ready: deque[T] = deque()
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._ended = self._stopped = False

    def make(self) -> None:
        try:
            for item in self._items:
                with self._changed:
                    self._ready.append(item)
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: len(self._ready) < self.count or self._stopped)
                    if self._stopped:
                        return
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    @property
    def waiting(self) -> bool:
        """True if another item is there."""
        return bool(self._ready)

    @property
    def ended(self) -> bool:
        """True if no more items will be made."""
        return self._ended

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def __next__(self) -> T:
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended)
            if self._ready:
                item = self._ready.popleft()
                self._changed.notify_all()
                return item
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        raise StopIteration
