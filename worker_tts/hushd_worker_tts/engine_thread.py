"""The thread of an engine: it loads the engine, and makes one piece after another, in turns for all jobs."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from hushd_protocol.system import log_files
from hushd_worker.client_turns import ClientTurns

_WAITING_LOOK_INTERVAL_S = 0.2  # seconds between two checks whether a waiting job was cancelled

T = TypeVar("T")


class EngineThread:
    """Makes items for jobs, one turn at a time; clients take turns.

    A turn does not wait for its client: items are kept until the job takes them, however slowly the client reads. An
    engine may be bound to the thread that loaded it, so everything is done on one thread, unless `staff` adds some.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: list[_Turn[Any]] = []
        self._turns = ClientTurns()
        self._staff = 0
        self.staff(1)

    def staff(self, number: int) -> None:
        """Has `number` turns taken at once, for an engine that is not bound to one thread."""
        while self._staff < number:
            self._staff += 1
            threading.Thread(target=self._work, name="engine", daemon=True).start()

    def call(self, function: Callable[[], T]) -> T:
        """Calls `function` on the engine's thread, and returns its result or raises its exception."""
        (result,) = self.stream(lambda: (function() for _ in range(1)), lambda: None)
        return result

    def stream(
        self, make: Callable[[], Iterator[T]], check: Callable[[], None], client: int = 0, request: bytes = b""
    ) -> Iterator[T]:
        """Yields the items that `make` produces on the engine's thread.

        Args:
            check: called during the wait for the turn, and on the engine's thread between items; its exceptions end the
                turn.
            request: the request for log lines of the turn.
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
            log_files.concern(turn.request)
            turn.run()
            log_files.concern(b"")
            del turn  # its items must not live until the next one

    def _next(self) -> _Turn[Any]:
        turn = self._turns.next(self._line, lambda each: each.client)
        self._line.remove(turn)
        self._turns.serve(turn.client)
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
                while not self._changed.wait_for(
                    lambda: self._items or self._ended, None if self._begun else _WAITING_LOOK_INTERVAL_S
                ):
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
        except BaseException as error:  # the job's thread handles even a library's sys.exit()
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
