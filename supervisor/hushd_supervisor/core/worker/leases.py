"""The leases of a worker: an idle one stays until the latest lease ends, or a while after its last job."""

from __future__ import annotations

import math

MAX_HOLDERS = 256  # leases on one worker; beyond that, the lease that ends first is dropped


class Leases:
    """The keep-alive leases of one worker, by holder.

    A holder's newer lease replaces its older one. An idle worker leaves when its latest lease ends; without a lease,
    so many seconds after its last job as its settings keep it alive (-1: never). A lease of 0 withdraws the holder's
    lease, and ends an idle worker at once if no other lease remains.
    """

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self.last_use = -math.inf
        self._withdrawn = False

    def use(self, holder: str, keep_alive: float | None, now: float) -> None:
        """Records the end of a job of `holder`; with "", that the worker has become ready."""
        self.last_use = now
        self._withdrawn = keep_alive == 0
        if keep_alive is None:
            return
        if keep_alive == 0:
            self._until.pop(holder, None)
        else:
            self._until[holder] = math.inf if keep_alive < 0 else now + keep_alive
            if len(self._until) > MAX_HOLDERS:
                del self._until[min(self._until, key=self._until.__getitem__)]

    def worked(self, now: float) -> None:
        """Records a new request, or the end of work on one that had already ended for its client."""
        self.last_use = now

    def holder_left(self, holder: str, keep_alive: float) -> bool:
        """Drops the lease of a departed holder; returns whether there was one.
        A lease that ends before the worker would leave without it stays: its holder wants the memory back soon."""
        until = self._until.get(holder)
        if until is None or until < self._idle_until(keep_alive):
            return False
        del self._until[holder]
        return True

    def clear(self) -> None:
        """Drops all leases: the worker is being ended."""
        self._until.clear()

    def holders(self, now: float) -> dict[str, float | None]:
        """The remaining seconds of each lease by holder, None for an endless one."""
        return {h: None if t == math.inf else t - now for h, t in self._until.items() if t > now}

    def expiry(self, keep_alive: float, now: float) -> float:
        """The time at which an idle worker leaves; may be past, is `math.inf` for never."""
        self._until = {holder: until for holder, until in self._until.items() if until > now}
        if self._until:
            return max(self._until.values())
        return now if self._withdrawn else self._idle_until(keep_alive)

    def _idle_until(self, keep_alive: float) -> float:
        return math.inf if keep_alive < 0 else self.last_use + keep_alive
