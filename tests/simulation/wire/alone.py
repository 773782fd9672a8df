"""A kernel with one task, the caller: enough for scripts that play all parties themselves, in turn."""

from __future__ import annotations

import heapq
import random
import select
from collections.abc import Callable, Collection
from itertools import count


class _Timer:
    __slots__ = ("call",)

    def __init__(self, call: Callable[[], None] | None) -> None:
        self.call = call

    def cancel(self) -> None:
        self.call = None


class Alone:
    """Time passes while the caller waits. `pid` is the process that runs now, as the caller says."""

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.pid = 1
        self.aborted: dict[int, str] = {}
        self._now = 1000.0
        self._order = count()
        self._due: list[tuple[float, int, _Timer]] = []
        self._looks: list[Callable[[], None]] = []

    def now(self) -> float:
        return self._now

    def later(self, seconds: float, call: Callable[[], None]) -> _Timer:
        timer = _Timer(call)
        heapq.heappush(self._due, (self._now + seconds, next(self._order), timer))
        return timer

    def wait(self, ready: Callable[[], bool], seconds: float | None, sources: Collection[object] = ()) -> bool:
        end = None if seconds is None else self._now + seconds
        while not ready():
            if not self.step(end):
                assert end is not None, "nothing will happen any more"
                self._now = max(self._now, end)
                return ready()
        return True

    def step(self, end: float | None = None) -> bool:
        """Makes the next call that is due by `end`; returns whether there was one."""
        for look in self._looks:
            look()
        while self._due and self._due[0][2].call is None:
            heapq.heappop(self._due)
        if not self._due or (end is not None and self._due[0][0] > end):
            return False
        due, _, timer = heapq.heappop(self._due)
        self._now = max(self._now, due)
        call, timer.call = timer.call, None
        if call:
            call()
        return True

    def settle(self, seconds: float = 1.0) -> None:
        """Lets time pass."""
        end = self._now + seconds
        while self.step(end):
            pass
        self._now = end

    def wake(self, source: object) -> None:
        """Does nothing: whoever waits is asked after every step."""

    def process(self) -> int:
        return self.pid

    def readable(self, descriptor: int) -> bool:
        return bool(select.select([descriptor], [], [], 0)[0])

    def idle(self, look: Callable[[], None]) -> None:
        self._looks.append(look)

    def abort(self, pid: int, reason: str) -> None:
        self.aborted[pid] = reason
