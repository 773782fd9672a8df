"""News of memory pressure as it arises, without polling: the kernel's stall triggers, or a pipe that takes their place.

A trigger costs the kernel a look now and then while anything on the machine stalls, and us a wake-up each time it
fires; so there is one only while a worker lives.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Protocol

import zmq
from hushd_protocol.errors import HushdError

from hushd_supervisor.core.budget import Memory
from hushd_supervisor.core.events import Pressure
from hushd_supervisor.core.pressure import Level, plausible

from .cgroup import Cgroup

SYSTEM = Path("/proc/pressure/memory")
# Microseconds of stall within a window: some process waited for memory, or all that had work did. Who has no
# privilege may ask for windows of whole 2 s only.
STALLS = ((Level.WARNING, b"some 150000 2000000\0"), (Level.CRITICAL, b"full 150000 2000000\0"))


class Triggers(Protocol):
    """A source of `Pressure` events.

    Attributes:
        work: whether it can tell anything; if not, somebody must look from time to time.
    """

    work: bool

    def watch(self, wanted: bool) -> None:
        """Listens from now on, or no longer; said as often as one likes."""

    def fired(self, ready: Container[object]) -> Iterator[Pressure]:
        """What there is to tell; `ready` are the descriptors that the poller has named."""


class Stalls:
    """The kernel's pressure stall information, where it has it and lets us listen.

    Args:
        poller: watches the descriptors.
        file: where triggers are written to.
        memory: what there is, to tell our own stalls from those of others.
    """

    def __init__(self, poller: zmq.Poller, file: Path, memory: Callable[[], Memory]) -> None:
        self._poller = poller
        self._file = file
        self._memory = memory
        self._levels: dict[int, Level] = {}  # by descriptor
        self.work = True
        self.watch(True)  # whether it works is known by trying
        self.watch(False)

    def watch(self, wanted: bool) -> None:
        if not wanted:
            for descriptor in self._levels:
                self._poller.unregister(descriptor)
                os.close(descriptor)
            self._levels.clear()
        elif not self._levels and self.work:
            try:
                for level, stall in STALLS:
                    descriptor = os.open(self._file, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
                    self._levels[descriptor] = level
                    self._poller.register(descriptor, zmq.POLLPRI)
                    os.write(descriptor, stall)
            except OSError:  # an old kernel, one without PSI, or one that asks for a privilege
                self.work = False
                self.watch(False)

    def fired(self, ready: Container[object]) -> Iterator[Pressure]:
        levels = [level for descriptor, level in self._levels.items() if descriptor in ready]
        if levels and plausible(self._memory()):
            yield from map(Pressure, levels)


class Pipe:
    """A named pipe that whoever knows better writes `warning` and `critical` to, a line each: a test, or a program
    that listens to a system without stall information.

    Raises:
        HushdError: `bad_request` when it is none.
    """

    work = True

    def __init__(self, poller: zmq.Poller, path: Path) -> None:
        if not path.is_fifo():
            raise HushdError("bad_request", f"HUSHD_PRESSURE names {path}, which is no named pipe: make it by mkfifo.")
        # For writing too, or it would stand at its end, readable for ever, once a writer has left.
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        poller.register(self._descriptor, zmq.POLLIN)

    def watch(self, wanted: bool) -> None:
        """It costs nothing while nobody writes."""

    def fired(self, ready: Container[object]) -> Iterator[Pressure]:
        if self._descriptor in ready:
            for word in os.read(self._descriptor, 4096).split():
                for level in (Level.WARNING, Level.CRITICAL):
                    if word == level.word.encode():
                        yield Pressure(level)


def choose(poller: zmq.Poller, cgroup: Cgroup, memory: Callable[[], Memory], pipe: str = "") -> Triggers:
    """`pipe` if there is one (HUSHD_PRESSURE); else our group's stalls where a limit makes them its own; else the
    machine's.

    Raises:
        HushdError: `bad_request` when the pipe is none.
    """
    if pipe:
        return Pipe(poller, Path(pipe))
    own = cgroup.pressure_file()
    stalls = Stalls(poller, own or SYSTEM, memory)
    return stalls if stalls.work or own is None else Stalls(poller, SYSTEM, memory)
