"""What the service manager that started us is told, by datagrams as sd_notify(3) describes them.

Its watchdog wants a sign of life every so often, which at rest would be the only thing that wakes us. So it is told
to watch only while workers live: WATCHDOG_USEC=0 ends its watch, WATCHDOG_USEC= with its own limit begins it again.
With nothing running there is nobody to keep waiting, and a hang shows itself with the next start of a worker.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Iterable, MutableMapping

from .memory import measure

BEATS = 3  # signs of life within the manager's limit
WAIT_S = 1.0  # for a manager that does not read


class ServiceManager:
    """The service manager's ear.

    Args:
        address: its datagram socket, a path or, with @ before it, an abstract name.
        limit: seconds of silence after which it takes us for hung; 0 for never.
    """

    def __init__(self, address: str, limit: float = 0.0) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._limit = limit
        self._next = math.inf  # sign of life
        self._status = ""

    def ready(self) -> None:
        """We serve; nobody watches yet."""
        self._status = "no workers"
        self._tell("READY=1", f"MAINPID={os.getpid()}", f"STATUS={self._status}", *self._watch(False))

    def look(self, workers: Iterable[int], now: float) -> None:
        """A worker has come, gone or loaded; `workers` are the processes there are."""
        pids = list(workers)
        used = sum(usage.pss for pid in pids if (usage := measure.usage(pid)) is not None)
        words = f"{len(pids)} worker{'s' if len(pids) > 1 else ''}, {used / 1e6:.0f} MB" if pids else "no workers"
        watched = self._next < math.inf
        if words != self._status or bool(pids) != watched:
            self._status = words
            self._tell(f"STATUS={words}", *(self._watch(bool(pids)) if bool(pids) != watched else ()))
        if not pids:
            self._next = math.inf
        elif not watched and self._limit:
            self._next = now + self._limit / BEATS

    def deadline(self) -> float | None:
        """When the next sign of life is due."""
        return self._next if self._next < math.inf else None

    def on_time(self, now: float) -> None:
        """Gives it if it is due."""
        if self._next <= now:
            self._tell("WATCHDOG=1")
            self._next = now + self._limit / BEATS

    def reload(self, *, begins: bool) -> None:
        """The configuration is being read again, or has been."""
        self._tell(*(("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}") if begins else ("READY=1",)))

    def leaving(self) -> None:
        """We finish what runs and go."""
        self._tell("STOPPING=1", "STATUS=leaving")

    def _watch(self, on: bool) -> tuple[str, ...]:
        if not self._limit:
            return ()
        return (f"WATCHDOG_USEC={round(self._limit * 1e6)}", "WATCHDOG=1") if on else ("WATCHDOG_USEC=0",)

    def _tell(self, *words: str) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
                mouth.settimeout(WAIT_S)
                mouth.sendto("\n".join(words).encode(), self._address)
        except OSError:
            pass  # it is gone, or does not read: that is no reason to serve nobody


def from_environment(environ: MutableMapping[str, str] = os.environ) -> ServiceManager | None:
    """The manager that `environ` names, whose words are taken out of it so that no child talks to it; or None."""
    address = environ.pop("NOTIFY_SOCKET", "")
    limit, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    if not address.startswith(("/", "@")):
        return None
    watched = limit.isascii() and limit.isdigit() and pid in ("", str(os.getpid()))
    return ServiceManager(address, int(limit) / 1e6 if watched else 0.0)
