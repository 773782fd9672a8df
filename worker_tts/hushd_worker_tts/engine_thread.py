"""The thread of an engine: it loads it, and makes one piece after the other, for all jobs in turns."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from hushd_protocol.system import log_lines

_LOOK_S = 0.2  # between two checks whether a job that waits for its turn was cancelled
_CLIENTS = 256  # whose last turns are remembered

T = TypeVar("T")


class EngineThread:
    """Makes items for jobs, one turn at a time; of the clients that wait, the one served longest ago goes first.

    A turn waits for nobody: its items are kept until the job takes them, however slowly its client reads. An engine may
    be bound to the thread that loaded it, so everything is done on one.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: list[_Turn[Any]] = []
        self._served: dict[int, int] = {}  # by client, the number of its last turn; the oldest first
        self._numbers = itertools.count(1)
        threading.Thread(target=self._work, name="engine", daemon=True).start()

    def call(self, function: Callable[[], T]) -> T:
        """Calls `function` there, and returns or raises what it does."""
        (result,) = self.stream(lambda: (function() for _ in range(1)), lambda: None)
        return result

    def stream(
        self, make: Callable[[], Iterator[T]], check: Callable[[], None], client: int = 0, request: bytes = b""
    ) -> Iterator[T]:
        """Yields the items that `make` makes there.

        Args:
            check: called while it waits for its turn, and there between items; an exception of it ends the turn.
            client: whose turn it is.
            request: that log lines of the turn are about.
        """
        turn = _Turn(make, check, client, request)
        with self._changed:
            self._line.append(turn)
            self._changed.notify()
        try:
            yield from turn.items()
        finally:
            turn.abandoned = True
            with self._changed:
                if turn in self._line:
                    self._line.remove(turn)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._line)
                turn = self._next()
            log_lines.concern(turn.request)
            turn.run()
            log_lines.concern(b"")
            del turn  # so that its items do not live until the next one

    def _next(self) -> _Turn[Any]:
        turn = min(self._line, key=lambda turn: self._served.get(turn.client, 0))
        self._line.remove(turn)
        self._served.pop(turn.client, None)
        self._served[turn.client] = next(self._numbers)
        if len(self._served) > _CLIENTS:
            del self._served[next(iter(self._served))]
        return turn


class _Turn(Generic[T]):
    """One turn of a job, from its place in the line to its last item."""

    def __init__(self, make: Callable[[], Iterator[T]], check: Callable[[], None], client: int, request: bytes) -> None:
        self.client = client
        self.request = request
        self.abandoned = False
        self._make = make
        self._check = check
        self._changed = threading.Condition()
        self._items: deque[T] = deque()
        self._begun = self._ended = False
        self._error: BaseException | None = None

    def items(self) -> Iterator[T]:
        """Yields the items as they are made."""
        while True:
            with self._changed:
                while not self._changed.wait_for(lambda: self._items or self._ended, None if self._begun else _LOOK_S):
                    self._check()
                if not self._items:
                    break
                item = self._items.popleft()
            yield item
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def run(self) -> None:
        """Makes the items, on the engine's thread."""
        self._begun = True
        try:
            for item in self._make():
                with self._changed:
                    self._items.append(item)
                    self._changed.notify_all()
                if self.abandoned:
                    break
                self._check()
        except BaseException as error:  # of a library's sys.exit(), too: the job's thread decides what it means
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
