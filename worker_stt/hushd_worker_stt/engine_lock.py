"""The lock on the engine, which transcribes one piece at a time, for a file and for live sessions beside it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK_S = 0.2  # between two checks whether a waiting job was cancelled


class EngineLock:
    """A lock with two queues: live pieces go before files, in order of arrival, but never two past a waiting file."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._live: deque[object] = deque()
        self._files: deque[object] = deque()
        self._taken = False
        self._live_last = False

    @contextmanager
    def held(self, check: Callable[[], None], *, live: bool) -> Iterator[None]:
        """Holds the lock for the length of the block, after waiting for its turn.

        Args:
            check: called while it waits; what it raises ends the wait.
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
