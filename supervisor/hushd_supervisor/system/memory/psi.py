"""Reports memory pressure without polling, by the kernel's stall triggers or by a named pipe.

A trigger costs the kernel some work while anything on the machine stalls, and wakes us each time it fires, so triggers
exist only while a worker lives.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container, Iterator
from pathlib import Path

import zmq
from hushd_protocol.errors import HushdError

from hushd_supervisor.core.events import Pressure
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.core.memory.pressure import STALL_US, WINDOW_US, Level, Stall, weight

from ..source import Source

# At least one process waited for memory, or all runnable processes did.
KINDS = ((Level.WARNING, "some"), (Level.CRITICAL, "full"))


class Triggers(Source):
    """A source of `Pressure` events.

    Attributes:
        work: whether it can report pressure; if not, the pool must check from time to time.
    """

    work: bool

    def watch(self, on: bool) -> None:
        """Starts or stops listening; safe to call twice."""


class Stalls(Triggers):
    """The kernel's pressure stall information, if it exists and we may use it.

    Args:
        poller: watches the descriptors.
        file: takes the triggers.
        memory: measures memory, to weigh a stall.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        poller: zmq.Poller,
        file: Path,
        memory: Callable[[], Memory],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._poller = poller
        self._file = file
        self._memory = memory
        self._clock = clock
        self._levels: dict[int, Level] = {}  # by descriptor
        self._stalls: dict[Level, Stall] = {}
        self.work = True
        self.watch(True)  # a try shows whether it works
        self.watch(False)

    def watch(self, on: bool) -> None:
        if not on:
            for descriptor in self._levels:
                self._poller.unregister(descriptor)
                os.close(descriptor)
            self._levels.clear()
        elif not self._levels and self.work:
            try:
                self._stalls = {level: Stall(total, self._clock()) for level, total in self._totals().items()}
                for level, kind in KINDS:
                    descriptor = os.open(self._file, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
                    self._levels[descriptor] = level
                    self._poller.register(descriptor, zmq.POLLPRI)
                    os.write(descriptor, f"{kind} {STALL_US} {WINDOW_US}\0".encode())
            except (OSError, ValueError):  # the kernel is old, has no PSI, or demands a privilege
                self.work = False
                self.watch(False)

    def events(self, ready: Container[object], now: float) -> Iterator[Pressure]:
        levels = [level for descriptor, level in self._levels.items() if descriptor in ready]
        if not levels:
            return
        memory, now = self._memory(), self._clock()
        try:
            totals = self._totals()
        except (OSError, ValueError):
            totals = {}
        for level in levels:
            stall, total = self._stalls.get(level), totals.get(level)
            confirmed = stall is not None and total is not None and stall.confirmed(total, now)
            yield Pressure(weight(level, memory) if confirmed else Level.NORMAL)  # at least an occasion to check memory

    def _totals(self) -> dict[Level, int]:
        return read_totals(self._file)


def read_totals(path: Path) -> dict[Level, int]:
    """Returns the microseconds of each kind of stall since the boot, or since the group was made.

    Raises:
        OSError, ValueError: it is not a file of stalls.
    """
    with open(path, encoding="ascii") as file:
        lines = dict(line.split(" ", 1) for line in file.read(4096).splitlines())
    return {level: int(lines[kind].rpartition("total=")[2]) for level, kind in KINDS if kind in lines}


class Pipe(Triggers):
    """A named pipe that takes lines of `warning` and `critical` from another program or a test, on any system.

    Raises:
        HushdError: `bad_request` when `path` is not a named pipe.
    """

    work = True

    def __init__(self, poller: zmq.Poller, path: Path) -> None:
        if not path.is_fifo():
            raise HushdError(
                "bad_request", f"HUSHD_PRESSURE names {path}, which is not a named pipe: make it with mkfifo."
            )
        # Opened for writing too: otherwise it would stay readable, at its end, once a writer has left.
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        poller.register(self._descriptor, zmq.POLLIN)

    def watch(self, on: bool) -> None:
        """Does nothing: an idle pipe costs nothing."""

    def events(self, ready: Container[object], now: float) -> Iterator[Pressure]:
        if self._descriptor in ready:
            for word in os.read(self._descriptor, 4096).split():
                for level in (Level.WARNING, Level.CRITICAL):
                    if word == level.word.encode():
                        yield Pressure(level, told=True)
