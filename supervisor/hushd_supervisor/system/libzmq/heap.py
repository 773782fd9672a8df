"""Returns memory to the system that the allocator has kept after clients have left.

A connection costs 28 kB, which glibc keeps for the next one: after 1000 clients a supervisor of 23 MB stayed at 61 MB,
and was at 23 MB again after a trim of 5 ms.
"""

from __future__ import annotations

from collections.abc import Callable

from hushd_protocol.system.footprint import rss, trim

PAUSE_S = 1.0  # libzmq frees a client's memory a little after it has reported its end
APART_S = 4.0  # between two trims
WORTH = 2_000_000  # bytes above the initial size that are worth a trim
LOOKS = 2  # trims at most after clients have left: libzmq may free their memory after the first
GROWTH = 1_000_000  # bytes that are worth a check of the clients
MAX_BYTES = 60_000_000  # above the initial size, for all clients: 1000 quiet ones take 40 MB
URGENT_S = 0.25  # between two trims while clients cost more than that


class Heap:
    """Trims the heap after clients have left, if that is worth it. At rest it has no deadline.

    Args:
        size: measures this process, in bytes; 0 if unknown, and then the heap is never trimmed.
        give_back: trims the heap.
    """

    def __init__(self, size: Callable[[], int] = rss, give_back: Callable[[], None] = trim) -> None:
        self._size = size
        self._give_back = give_back
        self._start = size()
        self._next = 0.0  # the earliest time of the next trim
        self._due: float | None = None
        self._grown_size = self._start  # the size at the last growth
        self._looks = 0  # trims left
        self._last_size = 0  # at the last check while clients cost too much
        self._next_urgent = 0.0

    def client_left(self, now: float) -> None:
        """Schedules a trim after a client has left."""
        self._looks = LOOKS
        if self._due is None:
            self._due = max(now + PAUSE_S, self._next)

    def deadline(self) -> float | None:
        """The time at which `on_time` should be called, None for never."""
        return self._due

    def on_time(self, now: float) -> None:
        """Trims if that is due and worth it."""
        if self._due is not None and self._due <= now:
            self._due = None
            if self._size() >= self._start + WORTH:
                self._give_back()
                self._next = now + APART_S
                self._looks -= 1
                if self._looks and self._size() >= self._start + WORTH:
                    self._due = self._next

    def grown(self) -> bool:
        """Returns whether this process has grown by GROWTH since the last time, or since it was last smaller."""
        size = self._size()
        grown = size >= self._grown_size + GROWTH
        if grown or size < self._grown_size:
            self._grown_size = size
        return grown

    def too_large(self, now: float) -> bool:
        """Returns whether clients cost more than MAX_BYTES and still more than before, so that one should go.

        Memory freed a moment ago may only show after the next trim, so only a growing size counts.
        """
        size = self._size()
        if size >= self._start + MAX_BYTES and now >= self._next_urgent:
            self._give_back()
            self._next_urgent = now + URGENT_S
            self._last_size = 0
            size = self._size()
        grown = size > self._last_size
        self._last_size = size
        return grown and size >= self._start + MAX_BYTES
