"""The number of pieces that are best transcribed at once, measured at work.

It is doubled for as long as that pays. On a graphics card it does, up to the limit; on a CPU with few cores mostly it
does not, and after three batches of two pieces it is one for good.
"""

from __future__ import annotations

_TRIES = 3  # batches of each size before it is judged
_PAYS = 1.1  # times as much speech a second: less is chance, and larger batches delay the first text


class BatchSize:
    """The size of the next batch.

    Args:
        limit: pieces that the engine takes at most.
        start: the first size.
        cautious: a size pays only if its slowest batch does, beside the fastest of the size before. On a CPU other
            programs make any batch slow or fast, and the gain is small at best.

    Attributes:
        now: the size that the next batch should have.
    """

    def __init__(self, limit: int, start: int = 1, *, cautious: bool = True) -> None:
        self.now = min(start, limit)
        self._limit = limit
        self._cautious = cautious
        self._settled = limit < 2 * self.now
        self._before = 0.0  # seconds of speech a second, with the size before
        self._batches = 0
        self._speeds: list[float] = []  # of this size

    def learn(self, count: int, seconds: float, took: float) -> None:
        """Notes that `count` pieces with `seconds` of speech took so long."""
        if self._settled or count != self.now:
            return
        self._batches += 1
        if self._batches == 1:
            return  # the first of a size also pays for what the runtime prepares for it
        self._speeds.append(seconds / max(took, 1e-9))
        if self._batches == _TRIES:
            self._judge()

    def shrink(self) -> None:
        """Memory was not enough for a batch of this size: never again."""
        self.now = max(1, self.now // 2)
        self._settled = True

    def _judge(self) -> None:
        pays = (min if self._cautious else max)(self._speeds) >= _PAYS * self._before
        if not pays:
            self.now //= 2
        self._settled = not pays or 2 * self.now > self._limit
        self._batches, self._before, self._speeds = 0, max(self._speeds), []
        if not self._settled:
            self.now *= 2
