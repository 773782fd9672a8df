"""The lock on the engine, which takes one batch of pieces or a few calls at a time, from files and live sessions."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hushd_worker.client_turns import ClientTurns

_WAITING_LOOK_INTERVAL_S = 0.2  # seconds between two checks whether a waiting job was cancelled


class EngineLock:
    """A lock with two queues: live pieces go before files, in order of arrival, but never two past a waiting file.

    Clients with files take turns. At most `holders` hold it at once.
    """

    def __init__(self, holders: int = 1) -> None:
        self._changed = threading.Condition()
        self._live: deque[object] = deque()
        self._files: deque[object] = deque()
        self._clients: dict[object, int] = {}  # the client of each that waits
        self._turns = ClientTurns()
        self._free = holders
        self._live_last = False

    @contextmanager
    def held(
        self, check: Callable[[], None], *, live: bool, client: int = 0, until: Callable[[], bool] = lambda: False
    ) -> Iterator[bool]:
        """Waits for its turn and holds the lock for the block; yields whether it holds the lock.

        Args:
            check: called during the wait; its exceptions end the wait.
            until: also ends the wait, once it is true: then the lock is not needed any more.
        """
        mine, queue = object(), self._live if live else self._files
        with self._changed:
            queue.append(mine)
            self._clients[mine] = client
            try:
                while not self._changed.wait_for(
                    lambda: until() or (self._free and self._next() is mine), _WAITING_LOOK_INTERVAL_S
                ):
                    check()
                if needed := not until():
                    self._free, self._live_last = self._free - 1, live
                    if not live:
                        self._turns.serve(client)
            finally:
                queue.remove(mine)
                del self._clients[mine]
                self._changed.notify_all()
        try:
            yield needed
        finally:
            if needed:
                with self._changed:
                    self._free += 1
                    self._changed.notify_all()

    def _next(self) -> object:
        if self._files and (self._live_last or not self._live):
            return self._turns.next(self._files, self._clients.__getitem__)
        return self._live[0]
