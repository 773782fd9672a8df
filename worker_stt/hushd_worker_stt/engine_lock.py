"""Whose piece the engine takes next: it does one at a time, for a file and for people who speak now."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK_S = 0.2  # between two looks whether the job was cancelled while it waits


class EngineLock:
    """A lock. Who speaks now goes before a file, in the order of asking, but never twice past a file that waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._live: deque[object] = deque()
        self._files: deque[object] = deque()
        self._taken = False
        self._live_last = False

    @contextmanager
    def taken(self, check: Callable[[], None], *, live: bool) -> Iterator[None]:
        """Waits for its turn, which lasts as long as the block.

        Args:
            check: called while it waits; what it raises ends that.
        """
        mine, queue = object(), self._live if live else self._files
        with self._changed:
            queue.append(mine)
            try:
                while not self._changed.wait_for(lambda: not self._taken and self._next() is mine, _LOOK_S):
                    check()
            except BaseException:
                queue.remove(mine)
                self._changed.notify_all()
                raise
            queue.popleft()
            self._taken, self._live_last = True, live
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._changed.notify_all()

    def _next(self) -> object:
        if self._files and (self._live_last or not self._live):
            return self._files[0]
        return self._live[0]
