"""Finds the best number of pieces per batch by measuring at work.

It is doubled as long as that is faster. On a graphics card it is, up to the limit; on a CPU with few cores it usually
is not, so that after three batches of two pieces it becomes one permanently.
"""

from __future__ import annotations

_TRIES = 3  # batches of each size before it is judged
_MIN_SPEEDUP = 1.1  # of speech per second: less is chance, and larger batches delay the first text


class BatchSize:
    """The size of the next batch.

    Args:
        limit: the maximum number of pieces of the engine.
        start: the first size.
        cautious: whether the slowest batch of a size must be faster than the fastest one of the size before. On a CPU
            other programs make any batch slow or fast, and the gain is small at best.

    Attributes:
        now: the size for the next batch.
    """

    def __init__(self, limit: int, start: int = 1, *, cautious: bool = True) -> None:
        self.now = min(start, limit)
        self._limit = limit
        self._cautious = cautious
        self._settled = limit < 2 * self.now
        self._last_speed = 0.0  # seconds of speech per second, with the size before
        self._batches = 0
        self._speeds: list[float] = []  # the speeds with this size

    def learn(self, count: int, seconds: float, took: float) -> None:
        """Records that `count` pieces with `seconds` of speech took `took` seconds."""
        if self._settled or count != self.now:
            return
        self._batches += 1
        if self._batches == 1:
            return  # the first batch of a size includes the runtime's preparation for it
        self._speeds.append(seconds / max(took, 1e-9))
        if self._batches == _TRIES:
            self._judge()

    def shrink(self) -> None:
        """Reduces the size permanently, because memory was not enough for a batch of this size."""
        self.now = max(1, self.now // 2)
        self._settled = True

    def _judge(self) -> None:
        pays = (min if self._cautious else max)(self._speeds) >= _MIN_SPEEDUP * self._last_speed
        if not pays:
            self.now //= 2
        self._settled = not pays or 2 * self.now > self._limit
        self._batches, self._last_speed, self._speeds = 0, max(self._speeds), []
        if not self._settled:
            self.now *= 2
