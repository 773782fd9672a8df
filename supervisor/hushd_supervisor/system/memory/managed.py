"""Memory pressure where a service manager says how it is watched: systemd's MEMORY_PRESSURE_WATCH and _WRITE."""

from __future__ import annotations

import binascii
import os
import time
from collections.abc import Callable, Container, Iterator, Mapping
from pathlib import Path

import zmq

from hushd_supervisor.core.events import Pressure
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.core.memory.pressure import Level, Stall, weight

from .psi import Triggers, read_totals

CONNECT_S = 1.0  # for a service manager's socket


class Unwatched(Triggers):
    """Watches nothing, as a service manager wishes: memory is looked at from time to time while a worker lives."""

    def _arm(self) -> None:
        raise OSError("there is no trigger")


class Managed(Triggers):
    """The file that a service manager names, with the trigger that it has chosen.

    Its word is an occasion to look at memory, and a warning where little is available; critical if everything waited.

    Args:
        path: a pressure file, a named pipe, or a Unix socket.
        trigger: is written there first; may be empty.
        memory: measures memory.

    Raises:
        OSError, ValueError: it cannot be watched.
    """

    def __init__(self, poller: zmq.Poller, path: Path, trigger: bytes, memory: Callable[[], Memory]) -> None:
        super().__init__()
        self._poller, self._path, self._trigger, self._memory = poller, path, trigger, memory
        self._is_file = path.is_file()
        self._descriptor: int | None = None
        self._stall = Stall(0, time.monotonic())  # of all processes at once
        os.close(self._open())  # only a try shows whether it can be

    def _arm(self) -> None:
        self._descriptor = self._open()
        self._poller.register(self._descriptor, zmq.POLLPRI if self._is_file else zmq.POLLIN)

    def _disarm(self) -> None:
        if self._descriptor is not None:
            self._poller.unregister(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def events(self, ready: Container[object], now: float) -> Iterator[Pressure]:
        if self._descriptor is None or self._descriptor not in ready:
            return
        if not self._is_file and not os.read(self._descriptor, 4096):  # the manager has left its socket
            self._lost()
            return
        yield Pressure(weight(Level.CRITICAL if self._all_waited() else Level.WARNING, self._memory()))

    def _all_waited(self) -> bool:
        """Returns whether all processes waited at once since the last word, by the file's own count."""
        try:
            total = read_totals(self._path)[Level.CRITICAL] if self._is_file else 0
        except (KeyError, OSError, ValueError):
            return False
        return self._stall.confirmed(total, time.monotonic())

    def _open(self) -> int:
        if self._path.is_socket():
            import socket

            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(CONNECT_S)
                connection.connect(str(self._path))
                descriptor = os.dup(connection.fileno())
        else:
            descriptor = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.set_blocking(descriptor, False)
            if self._trigger and not self._path.is_fifo():  # which would give it back to us
                os.write(descriptor, self._trigger)
            if self._is_file:
                self._stall = Stall(read_totals(self._path).get(Level.CRITICAL, 0), time.monotonic())
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def choose(poller: zmq.Poller, environ: Mapping[str, str], memory: Callable[[], Memory]) -> Triggers | None:
    """Returns what the service manager wishes; None where that cannot be watched, or was said to a program around us.

    A terminal may be a service, too: systemd names the process that it has started.
    """
    if environ.get("SYSTEMD_EXEC_PID") not in (None, str(os.getpid())):
        return None
    path = environ["MEMORY_PRESSURE_WATCH"]
    if path == os.devnull:
        return Unwatched()
    try:
        return Managed(poller, Path(path), binascii.a2b_base64(environ.get("MEMORY_PRESSURE_WRITE", "")), memory)
    except (OSError, ValueError):
        return None
