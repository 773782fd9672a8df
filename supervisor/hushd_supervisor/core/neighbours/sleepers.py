"""Neighbours' models that sleep for a worker, and do not wake by themselves: woken when the worker has left; pure.

Each is recorded before it is asked to sleep, so that the next supervisor wakes what a killed one has left asleep.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable

from hushd_protocol.light_dataclass import dataclass, field

from hushd_supervisor.core.actions import Action, AskNeighbour, Log, RememberAsleep

from .holds import Key

LIMIT_S = 10.0  # for a neighbour to wake a model
AGAIN_S = 5.0  # until it is told once more; doubles each time
TRIES = 6


@dataclass(slots=True)
class _Sleeper:
    """A model that sleeps `workers`' time; `waking`: it was told to wake, for the so-manieth time in `tries`."""

    workers: set[str] = field(default_factory=set)
    waking: bool = False
    tries: int = 0
    due: float = -math.inf


class Sleepers:
    """All models that sleep.

    Args:
        asleep: those that the last supervisor has left asleep.
    """

    def __init__(self, asleep: Iterable[Key] = ()) -> None:
        self._sleepers = {key: _Sleeper() for key in asleep}
        self._down = False

    @property
    def waking(self) -> bool:
        """True while an answer is awaited, or the next try to wake one."""
        return any(sleeper.waking or (sleeper.tries and not self._down) for sleeper in self._sleepers.values())

    def names(self, neighbour: str) -> tuple[str, ...]:
        """The models of a neighbour that sleep."""
        return tuple(model for name, model in self._sleepers if name == neighbour)

    def put(self, key: Key, worker: str) -> list[Action]:
        """Records that a model is asked to sleep for a worker."""
        sleeper = self._sleepers.setdefault(key, _Sleeper())
        sleeper.workers.add(worker)
        sleeper.tries, sleeper.due = 0, -math.inf
        return self._remember()

    def forget(self, key: Key) -> list[Action]:
        """Forgets one that is awake."""
        return self._remember() if self._sleepers.pop(key, None) else []

    def answered(self, key: Key, error: str, now: float) -> list[Action]:
        """Takes the answer of a neighbour that was told to wake a model."""
        sleeper = self._sleepers.get(key)
        if sleeper is None or not sleeper.waking:
            return []
        sleeper.waking = False
        if not error:
            return [Log("INFO", f"{key[0]} has woken {key[1]}"), *self.forget(key)]
        if sleeper.tries >= TRIES:
            given_up = f"{key[0]} does not wake {key[1]}, which sleeps since hushd has asked for its memory: {error}"
            return [Log("ERROR", given_up), *self.forget(key)]
        sleeper.due = math.inf if self._down else now + AGAIN_S * 2 ** (sleeper.tries - 1)
        return [Log("WARNING", f"{key[0]} has not woken {key[1]}: {error}")]

    def settle(self, living: Container[str], now: float) -> list[Action]:
        """Wakes the models whose workers are not among the `living` any more."""
        actions: list[Action] = []
        for key, sleeper in self._sleepers.items():
            sleeper.workers = {name for name in sleeper.workers if name in living}
            if not sleeper.workers and not sleeper.waking and sleeper.due <= now:
                sleeper.waking, sleeper.tries, sleeper.due = True, sleeper.tries + 1, math.inf
                actions.append(AskNeighbour("wake", now + LIMIT_S, *key))
        return actions

    def shut(self) -> None:
        """Tries no second time: the supervisor leaves, and the next one finds the record."""
        self._down = True
        for sleeper in self._sleepers.values():
            sleeper.due = -math.inf if not sleeper.tries else math.inf

    def deadline(self) -> float:
        """The time of the next try, `math.inf` for none."""
        free = (s.due for s in self._sleepers.values() if not (s.workers or s.waking))
        return min(free, default=math.inf)

    def _remember(self) -> list[Action]:
        return [RememberAsleep(tuple(self._sleepers))]
