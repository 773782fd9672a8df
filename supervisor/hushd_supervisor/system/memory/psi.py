"""Memory pressure as it arises, without polling: the kernel's stall triggers, or a pipe in their place.

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

from hushd_supervisor.core.events import Pressure
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.core.memory.pressure import Level, plausible

from .cgroup import Cgroup

SYSTEM = Path("/proc/pressure/memory")
# Microseconds of stall within a window: some process waited for memory, or all that had work did. An unprivileged
# process may only ask for windows of whole 2 s.
STALLS = ((Level.WARNING, b"some 150000 2000000\0"), (Level.CRITICAL, b"full 150000 2000000\0"))


class Triggers(Protocol):
    """A source of `Pressure` events.

    Attributes:
        work: whether it can report anything; if not, the pool must look from time to time.
    """

    work: bool

    def watch(self, wanted: bool) -> None:
        """Starts or stops listening; safe to call twice."""

    def fired(self, ready: Container[object]) -> Iterator[Pressure]:
        """Yields the signs of pressure; `ready` are the descriptors that the poller has named."""


class Stalls:
    """The kernel's pressure stall information, where it exists and lets us listen.

    Args:
        poller: watches the descriptors.
        file: takes the triggers.
        memory: measures memory, to tell our own stalls from those of others.
    """

    def __init__(self, poller: zmq.Poller, file: Path, memory: Callable[[], Memory]) -> None:
        self._poller = poller
        self._file = file
        self._memory = memory
        self._levels: dict[int, Level] = {}  # by descriptor
        self.work = True
        self.watch(True)  # only a try shows whether it works
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
    """A named pipe that takes lines of `warning` and `critical`, from a test, or from a program that watches a system
    without stall information.

    Raises:
        HushdError: `bad_request` when `path` is not a named pipe.
    """

    work = True

    def __init__(self, poller: zmq.Poller, path: Path) -> None:
        if not path.is_fifo():
            raise HushdError(
                "bad_request", f"HUSHD_PRESSURE names {path}, which is not a named pipe: make it with mkfifo."
            )
        # For writing too, or it would stand at its end, readable for ever, once a writer has left.
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        poller.register(self._descriptor, zmq.POLLIN)

    def watch(self, wanted: bool) -> None:
        """Does nothing: an idle pipe costs nothing."""

    def fired(self, ready: Container[object]) -> Iterator[Pressure]:
        if self._descriptor in ready:
            for word in os.read(self._descriptor, 4096).split():
                for level in (Level.WARNING, Level.CRITICAL):
                    if word == level.word.encode():
                        yield Pressure(level)


def choose(poller: zmq.Poller, cgroup: Cgroup, memory: Callable[[], Memory], pipe: str = "") -> Triggers:
    """Chooses `pipe` (HUSHD_PRESSURE) if given, else the stalls of our group if it has a limit, else the machine's.

    Raises:
        HushdError: `bad_request` when the pipe is not one.
    """
    if pipe:
        return Pipe(poller, Path(pipe))
    own = cgroup.pressure_file()
    stalls = Stalls(poller, own or SYSTEM, memory)
    return stalls if stalls.work or own is None else Stalls(poller, SYSTEM, memory)
