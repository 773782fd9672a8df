"""A way to end, from any thread, what another thread waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hushd_protocol.errors import HushdError


class CancelScope:
    """Called once, it ends what goes on inside `ending` blocks, and whatever would begin later.

    Inside `with stop.ending(transcription.close):` a call of `stop` on another thread closes the transcription, and
    who waits for it gets `cancelled`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: list[Callable[[], None]] = []
        self.called = False

    def __call__(self) -> None:
        """Harmless when it was called before."""
        with self._lock:
            self.called = True
            ends = list(reversed(self._ends))
        for end in ends:
            end()

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Calls `end` when the block is left, or before that when somebody says stop; it must bear both.

        Raises:
            HushdError: `cancelled` when it was stopped: from entering, and in the place of what the block raises.
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
        """Raises `cancelled` when it was stopped."""
        if self.called:
            raise HushdError("cancelled", "It was stopped.")
