"""Gives the memory that clients leave behind in the allocator back to the system.

A connection costs 28 kB, which glibc keeps for the next one: after 1000 clients a supervisor of 23 MB stayed at 61 MB
for ever, and was at 23 MB again after a trim of 5 ms.
"""

from __future__ import annotations

from collections.abc import Callable

from hushd_protocol.system.footprint import rss, trim

PAUSE_S = 1.0  # libzmq frees a client's memory a little after it has reported its end
APART_S = 4.0  # from one trim to the next
WORTH = 2_000_000  # bytes above the size at the start
LOOKS = 2  # after clients have left, while a trim is not enough: libzmq may have freed their memory after it
GROWTH = 1_000_000  # bytes worth a look at what clients do
MOST = 60_000_000  # bytes above it that clients may cost: 1000 quiet ones take 40 MB
URGENT_S = 0.25  # from one trim to the next while they cost more


class Heap:
    """Trims the heap after clients have left, if that is worth it. At rest nothing is due.

    Args:
        size: measures this process, in bytes; 0 where unknown, and then nothing is trimmed.
        give_back: trims.
    """

    def __init__(self, size: Callable[[], int] = rss, give_back: Callable[[], None] = trim) -> None:
        self._size = size
        self._give_back = give_back
        self._start = size()
        self._next = 0.0  # no trim before
        self._due: float | None = None
        self._seen = self._start  # at the last growth
        self._looks = 0  # to come
        self._last_size = 0  # at the last look while clients cost too much
        self._next_urgent = 0.0

    def client_left(self, now: float) -> None:
        """Schedules a look: a client has left, or may have."""
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
        """Returns whether this process has grown by GROWTH since it last had, or was smaller."""
        size = self._size()
        grown = size >= self._seen + GROWTH
        if grown or size < self._seen:
            self._seen = size
        return grown

    def too_large(self, now: float) -> bool:
        """Returns whether clients cost more than they may, and ever more: then one of them should go.

        What was freed a moment ago may not show before the next trim, so a size that does not grow is none's fault.
        """
        size = self._size()
        if size >= self._start + MOST and now >= self._next_urgent:
            self._give_back()
            self._next_urgent = now + URGENT_S
            self._last_size = 0
            size = self._size()
        grown = size > self._last_size
        self._last_size = size
        return grown and size >= self._start + MOST
