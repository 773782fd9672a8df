"""Who wants a worker kept, and until when."""

from __future__ import annotations

import math


class Leases:
    """The keep-alive leases of one worker, by holder.

    A holder's newer lease replaces its older one. The worker ends at its latest live lease, or with none at the last
    job's end + `default` seconds (-1: never). A lease of 0 withdraws the holder's, and ends an idle worker at once if
    no other lives.
    """

    def __init__(self, default: float) -> None:
        self.set_default(default)
        self._until: dict[str, float] = {}
        self._last_use = -math.inf
        self._withdrawn = False

    def set_default(self, default: float) -> None:
        """How long a worker stays after its last job where no lease says otherwise."""
        self._default = math.inf if default < 0 else default

    def use(self, holder: str, keep_alive: float | None, now: float) -> None:
        """A job of `holder` has ended (or the worker has just become ready: holder "")."""
        self._last_use = now
        self._withdrawn = keep_alive == 0
        if keep_alive is None:
            return
        if keep_alive == 0:
            self._until.pop(holder, None)
        else:
            self._until[holder] = math.inf if keep_alive < 0 else now + keep_alive

    def connection_ended(self, holder: str) -> bool:
        """A connection that was its own holder is gone: what it wanted without end ends with it."""
        if self._until.get(holder) != math.inf:
            return False
        del self._until[holder]
        return True

    def clear(self) -> None:
        """The worker is being ended whatever was agreed."""
        self._until.clear()

    def holders(self, now: float) -> dict[str, float | None]:
        """Live leases: seconds left by holder, None without end."""
        return {h: None if t == math.inf else t - now for h, t in self._until.items() if t > now}

    def expiry(self, now: float) -> float:
        """When an idle worker ends; may be past, is `math.inf` for never."""
        self._until = {holder: until for holder, until in self._until.items() if until > now}
        if self._until:
            return max(self._until.values())
        return now if self._withdrawn else self._last_use + self._default
