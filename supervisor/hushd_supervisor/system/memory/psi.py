"""Reports memory pressure without polling, by the kernel's stall triggers.

A trigger costs the kernel some work while anything on the machine stalls, and wakes us each time it fires, so triggers
exist only while a worker lives.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container, Iterator
from pathlib import Path

import zmq
from hushd_protocol.system.cgroup import Cgroup

from hushd_supervisor.core.events import Pressure
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.core.memory.pressure import STALL_US, WINDOW_US, Level, Stall, weight

from ..source import Source

# At least one process waited for memory, or all runnable processes did.
KINDS = ((Level.WARNING, "some"), (Level.CRITICAL, "full"))
SYSTEM = Path("/proc/pressure/memory")
LOOK_S = 5.0  # between two looks at memory while nobody reports pressure


class Stalls(Source):
    """The kernel's pressure stall information, as `Pressure` events, if it exists and we may use it.

    While it listens and cannot have its triggers, memory is looked at from time to time, and the triggers are tried
    again: a moment without descriptors must not end the reports for good.

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
        self._on = False
        self._due: float | None = None  # for the next try

    def watch(self, on: bool) -> None:
        """Starts or stops listening; safe to call twice."""
        if on and not self._on:
            self._try()
        elif not on:
            self._disarm()
            self._due = None
        self._on = on

    def works(self) -> bool:
        """Returns whether its triggers can be had now."""
        self._try()
        works = self._due is None
        self.watch(False)
        return works

    def deadline(self) -> float | None:
        return self._due

    def on_time(self, now: float) -> Iterator[Pressure]:
        if self._due is not None and self._due <= now:
            self._try()
            yield Pressure(Level.NORMAL)  # an occasion to look at memory

    def _try(self) -> None:
        try:
            self._arm()
            self._due = None
        except (OSError, ValueError):  # no descriptor is left; the kernel is old, has no PSI, or demands a privilege
            self._disarm()
            self._due = self._clock() + LOOK_S

    def _arm(self) -> None:
        self._stalls = {level: Stall(total, self._clock()) for level, total in read_totals(self._file).items()}
        for level, kind in KINDS:
            descriptor = os.open(self._file, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            self._levels[descriptor] = level
            self._poller.register(descriptor, zmq.POLLPRI)
            os.write(descriptor, f"{kind} {STALL_US} {WINDOW_US}\0".encode())

    def _disarm(self) -> None:
        for descriptor in self._levels:
            self._poller.unregister(descriptor)
            os.close(descriptor)
        self._levels.clear()

    def events(self, ready: Container[object], now: float) -> Iterator[Pressure]:
        levels = [level for descriptor, level in self._levels.items() if descriptor in ready]
        if not levels:
            return
        memory, now = self._memory(), self._clock()
        try:
            totals = read_totals(self._file)
        except (OSError, ValueError):
            totals = {}
        for level in levels:
            stall, total = self._stalls.get(level), totals.get(level)
            confirmed = stall is not None and total is not None and stall.confirmed(total, now)
            yield Pressure(weight(level, memory) if confirmed else Level.NORMAL)  # at least an occasion to check memory


def read_totals(path: Path) -> dict[Level, int]:
    """Returns the microseconds of each kind of stall since the boot, or since the group was made.

    Raises:
        OSError, ValueError: it is not a file of stalls.
    """
    with open(path, encoding="ascii") as file:
        lines = dict(line.split(" ", 1) for line in file.read(4096).splitlines())
    return {level: int(lines[kind].rpartition("total=")[2]) for level, kind in KINDS if kind in lines}


def choose(poller: zmq.Poller, cgroup: Cgroup, memory: Callable[[], Memory]) -> Stalls:
    """Returns the stalls of our group if it has a limit, else the machine's."""
    group_file = cgroup.pressure_file()
    stalls = Stalls(poller, group_file or SYSTEM, memory)
    return stalls if group_file is None or stalls.works() else Stalls(poller, SYSTEM, memory)
