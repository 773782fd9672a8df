"""The actions that cost milliseconds: the loop carries out one a turn, so that no message waits behind two of them.

Kills go before starts. Only some processes start at once, so that forty cold workers do not starve each other and
everything else: the next one waits until an earlier one has said hello, or has had its time for that.
"""

from __future__ import annotations

import math
from collections import deque

from hushd_protocol import buggify

from .actions import Describe, Dismiss, Kill, Look, Prepare, Remember, Spawn
from .events import Exited

Costly = Spawn | Kill | Prepare | Dismiss | Describe | Look | Remember
YOUNG_S = 2.0  # a process that has not said hello holds back the next start for at most this long, even if it hangs
MIN_STARTS_AT_ONCE = 4  # processes that start at once at least; two a core
_KILLED = -9


class Backlog:
    """The actions still to be carried out.

    Args:
        cores: the number of the processor's cores.
    """

    def __init__(self, cores: int = 1) -> None:
        self._max_young = max(MIN_STARTS_AT_ONCE, 2 * cores)
        self._soon: deque[Costly] = deque()
        self._starts: dict[tuple[str, int], Spawn] = {}
        self._young: dict[tuple[str, int], float] = {}  # start times of the processes that have not said hello

    def add(self, action: Costly) -> Exited | None:
        """Takes an action; returns the end of a process that was to be killed before it was started."""
        match action:
            case Spawn(worker, gen):
                self._starts[worker, gen] = action
            case Kill(worker, gen) if self._starts.pop((worker, gen), None):
                return Exited(worker, gen, _KILLED)
            case Remember():
                self._soon = deque(queued for queued in self._soon if not isinstance(queued, Remember))
                self._soon.append(action)
            case _:
                self._soon.append(action)
        return None

    def take(self, now: float) -> Costly | None:
        """Removes and returns the next action; None if there is none, or only starts that have to wait."""
        if self._soon:
            return self._soon.popleft()
        if not self._starts or self.deadline(now) > now:
            return None
        key = next(iter(self._starts))
        self._young[key] = now
        return self._starts.pop(key)

    def grown(self, worker: str, gen: int) -> None:
        """Notes that a process has said hello, or has ended."""
        self._young.pop((worker, gen), None)

    def deadline(self, now: float) -> float:
        """The time from which `take` returns an action, `math.inf` for none."""
        if self._soon:
            return now
        if not self._starts:
            return math.inf
        waits_until = sorted(started + YOUNG_S for started in self._young.values() if started + YOUNG_S > now)
        limit = 1 if buggify("one start at a time") else self._max_young
        return now if len(waits_until) < limit else waits_until[-limit]

    def rest(self) -> list[Costly]:
        """Removes and returns the remaining actions, without the starts: the supervisor is about to leave."""
        actions, self._soon = list(self._soon), deque()
        self._starts.clear()
        return actions
