"""The kernel of a simulated world, as its parts see it: time, chance, waiting, and the process that runs now.

All simulated processes live in one real process and one thread. A task (a thread of a simulated process) runs until it
waits; time passes only when no task can run. Nothing else may look at a clock or draw a number.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from typing import Protocol


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Drops the call; does nothing once it was made."""


class Kernel(Protocol):
    """The services of the world. `random` is made from the seed: the only dice.

    Calls that the kernel makes by itself (of `later` and `idle`) belong to no process and must not wait.
    """

    random: random.Random

    def now(self) -> float:
        """The simulated monotonic time, in seconds."""

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Has `call` called in `seconds`; those of one time in the order in which they were asked for."""

    def wait(self, ready: Callable[[], bool], seconds: float | None, sources: Collection[object] = ()) -> bool:
        """Blocks the calling task until `ready` returns True; returns False after `seconds` (None: never).

        `ready` is asked at once, and after each `wake` of one of `sources`. Real descriptors among them (ints) are
        watched by the kernel itself. Without any source, it is asked after each step of another task.
        """

    def wake(self, source: object) -> None:
        """Has those ask again who wait for `source`; of those there may be none. Never runs them at once."""

    def process(self) -> int:
        """The pid of the process that runs now: the owner of what it makes."""

    def readable(self, descriptor: int) -> bool:
        """Returns whether a pipe, pidfd or raw socket that is polled beside sockets of ZeroMQ can be read now."""

    def idle(self, look: Callable[[], None]) -> None:
        """Has `look` called whenever no task can run, before time passes; it may ask for `later(0, ...)`."""

    def abort(self, pid: int, reason: str) -> None:
        """Ends a process as by SIGABRT, since a library in it has failed an assertion."""
