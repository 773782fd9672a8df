"""Cancellation of a wait by any other thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hushd_protocol.errors import HushdError


class CancelScope:
    """Called once, it ends the work inside `ending` blocks, and inside every block entered later.

    Inside `with stop.ending(transcription.close):` a call of `stop` on another thread closes the transcription, and
    the block raises `cancelled`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: list[Callable[[], None]] = []
        self.called = False

    def __call__(self) -> None:
        """Safe to call twice."""
        with self._lock:
            self.called = True
            ends = list(reversed(self._ends))
        for end in ends:
            end()

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Calls `end` when the block is left, and before that when the scope is called; `end` is safe to call twice.

        Raises:
            HushdError: `cancelled` after a call: on entering, and instead of a HushdError that the block raises.
        """
        with self._lock:
            if not self.called:
                self._ends.append(end)
        try:
            self.check()
            yield
        except HushdError:
            self.check()
            raise
        finally:
            with self._lock:
                if end in self._ends:
                    self._ends.remove(end)
            end()

    def check(self) -> None:
        """Raises `cancelled` after a call."""
        if self.called:
            raise HushdError("cancelled", "It was stopped.")
