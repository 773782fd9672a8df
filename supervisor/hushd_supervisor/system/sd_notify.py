"""Reports to the service manager that started us, by datagrams as in sd_notify(3).

The manager's watchdog wants regular signs of life, which would be all that wakes us at rest. So its watchdog only runs
while workers live: WATCHDOG_USEC=0 stops it, WATCHDOG_USEC= with the manager's own limit starts it again. At rest no
client waits, and a hang shows when the next worker starts.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Iterable, MutableMapping

from hushd_supervisor.core.events import Event

from .memory import measure
from .source import Source

BEATS = 3  # signs of life within the manager's limit
WAIT_S = 1.0  # at most, for a manager that does not read


class ServiceManager(Source):
    """The service manager.

    Args:
        address: its datagram socket, a path or, with @ before it, an abstract name.
        limit: seconds of silence after which the manager considers us hung; 0 for never.
    """

    def __init__(self, address: str, limit: float = 0.0) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._limit = limit
        self._next_beat = math.inf
        self._status = ""
        self._leaving = False

    def ready(self) -> None:
        """Reports that we are ready, and stops the watchdog for now."""
        self._status = "no workers"
        self._send("READY=1", f"MAINPID={os.getpid()}", f"STATUS={self._status}", *self._watch(False))

    def report(self, workers: Iterable[int], now: float) -> None:
        """Reports the number and size of `workers` after a change; starts or stops the watchdog."""
        pids = list(workers)
        used = sum(usage.pss for pid in pids if (usage := measure.usage(pid)) is not None)
        words = f"{len(pids)} worker{'s' if len(pids) > 1 else ''}, {used / 1e6:.0f} MB" if pids else "no workers"
        watched = self._next_beat < math.inf
        if words != self._status or bool(pids) != watched:
            self._status = words
            self._send(f"STATUS={words}", *(self._watch(bool(pids)) if bool(pids) != watched else ()))
        if not pids:
            self._next_beat = math.inf
        elif not watched and self._limit:
            self._next_beat = now + self._limit / BEATS

    def deadline(self) -> float | None:
        """The time at which the next sign of life is due."""
        return self._next_beat if self._next_beat < math.inf else None

    def on_time(self, now: float) -> Iterable[Event]:
        """Sends the sign of life if it is due."""
        if self._next_beat <= now:
            self._send("WATCHDOG=1")
            self._next_beat = now + self._limit / BEATS
        return ()

    def reload(self, *, begins: bool) -> None:
        """Reports that a reload of the configuration begins, or has ended."""
        self._send(*(("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}") if begins else ("READY=1",)))

    def leave(self, *, stop: bool) -> None:
        """Reports once that we are leaving."""
        if not self._leaving:
            self._leaving = True
            self._send("STOPPING=1", "STATUS=leaving")

    def _watch(self, on: bool) -> tuple[str, ...]:
        if not self._limit:
            return ()
        return (f"WATCHDOG_USEC={round(self._limit * 1e6)}", "WATCHDOG=1") if on else ("WATCHDOG_USEC=0",)

    def _send(self, *words: str) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(WAIT_S)
                sender.sendto("\n".join(words).encode(), self._address)
        except OSError:
            pass  # the manager is gone or does not read; clients are served all the same


def from_environment(environ: MutableMapping[str, str] = os.environ) -> ServiceManager | None:
    """Returns the manager that `environ` names, or None; removes its variables, so that no child inherits them."""
    address = environ.pop("NOTIFY_SOCKET", "")
    limit, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    if not address.startswith(("/", "@")):
        return None
    watched = limit.isascii() and limit.isdigit() and pid in ("", str(os.getpid()))
    return ServiceManager(address, int(limit) / 1e6 if watched else 0.0)
