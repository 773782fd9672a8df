"""The actions that cost milliseconds: the loop carries out one a turn, so that no message waits behind two of them.

Kills go before starts.
"""

from __future__ import annotations

from collections import deque

from .actions import Describe, Dismiss, Kill, Look, Prepare, Remember, Spawn
from .events import Exited

Costly = Spawn | Kill | Prepare | Dismiss | Describe | Look | Remember
_KILLED = -9


class Backlog:
    """The actions still to be carried out."""

    def __init__(self) -> None:
        self._soon: deque[Costly] = deque()
        self._starts: dict[tuple[str, int], Spawn] = {}

    def __bool__(self) -> bool:
        return bool(self._soon or self._starts)

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

    def take(self) -> Costly | None:
        """Removes and returns the next action; None if there is none."""
        if self._soon:
            return self._soon.popleft()
        return self._starts.pop(next(iter(self._starts))) if self._starts else None

    def rest(self) -> list[Costly]:
        """Removes and returns the remaining actions, without the starts: the supervisor is about to leave."""
        actions, self._soon = list(self._soon), deque()
        self._starts.clear()
        return actions
