"""Timeouts for programs, counted in steps: if this process was stopped meanwhile, it loses only one step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

STEPS = 5  # in a timeout


class StallTolerantTimer:
    """Calls `act` after `seconds` in which this process could run, unless cancelled before."""

    def __init__(self, seconds: float, act: Callable[[], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._step = seconds / STEPS
        self._act = act
        self._steps = 0
        self._timer = self._loop.call_later(self._step, self._next)

    def _next(self) -> None:
        self._steps += 1
        if self._steps == STEPS:
            self._act()
        else:
            self._timer = self._loop.call_later(self._step, self._next)

    def cancel(self) -> None:
        self._timer.cancel()


@asynccontextmanager
async def timeout(seconds: float) -> AsyncIterator[None]:
    """Like `asyncio.timeout`, in steps; data that arrives by the end of the last step still counts."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        steps = StallTolerantTimer(seconds, lambda: limit.reschedule(loop.time()))
        try:
            yield
        finally:
            steps.cancel()
