"""Reports to the service manager that started us, by datagrams as in sd_notify(3)."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping

from .source import Source

WAIT_S = 1.0  # seconds, at most, for a manager that does not read


class ServiceManager(Source):
    """The service manager at its datagram socket: a path or, with @ before it, an abstract name."""

    def __init__(self, address: str) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._leaving = False

    def ready(self) -> None:
        self._send("READY=1", f"MAINPID={os.getpid()}")

    def reload(self, *, begins: bool) -> None:
        """Reports that a reload of the configuration begins, or has ended."""
        self._send(*(("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}") if begins else ("READY=1",)))

    def prepare_end(self, *, stop: bool) -> None:
        """Reports once that we are leaving."""
        if not self._leaving:
            self._leaving = True
            self._send("STOPPING=1")

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
    for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
        environ.pop(name, None)
    return ServiceManager(address) if address.startswith(("/", "@")) else None
