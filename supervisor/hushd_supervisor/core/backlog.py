"""The actions that cost milliseconds, of which the loop carries out one a turn: nobody's message waits for a second.

Kills go before starts. So that forty cold workers do not starve each other and everybody else, only some processes
start at once: the next one waits until an earlier one has said hello, or has had its time for that.
"""

from __future__ import annotations

import math
from collections import deque

from hushd_protocol.buggify import buggify

from .actions import Describe, Dismiss, Kill, Look, Prepare, Remember, Spawn
from .events import Exited

Costly = Spawn | Kill | Prepare | Dismiss | Describe | Look | Remember
YOUNG_S = 2.0  # in which a process that has not said hello holds back the next start: no hung one does so for longer
AT_ONCE = 4  # processes that start at once at least; two a core
_KILLED = -9


class Backlog:
    """The actions still to be carried out.

    Args:
        cores: of the processor.
    """

    def __init__(self, cores: int = 1) -> None:
        self._most = max(AT_ONCE, 2 * cores)
        self._soon: deque[Costly] = deque()
        self._starts: dict[tuple[str, int], Spawn] = {}
        self._young: dict[tuple[str, int], float] = {}  # when each started that has not said hello

    def add(self, action: Costly) -> Exited | None:
        """Takes an action; returns the end of a process that was to be killed before it was started."""
        match action:
            case Spawn(worker, gen):
                self._starts[worker, gen] = action
            case Kill(worker, gen) if self._starts.pop((worker, gen), None):
                return Exited(worker, gen, _KILLED)
            case Remember():
                self._soon = deque(other for other in self._soon if not isinstance(other, Remember))
                self._soon.append(action)
            case _:
                self._soon.append(action)
        return None

    def take(self, now: float) -> Costly | None:
        """Removes and returns the next action; None where there is none, or only starts that have to wait."""
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
        young = sorted(at + YOUNG_S for at in self._young.values() if at + YOUNG_S > now)
        most = 1 if buggify("one start at a time") else self._most
        return now if len(young) < most else young[-most]

    def rest(self) -> list[Costly]:
        """Removes and returns all that is left but starts: the supervisor is about to leave."""
        left, self._soon = list(self._soon), deque()
        self._starts.clear()
        return left
