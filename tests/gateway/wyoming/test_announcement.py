"""`hushd serve --zeroconf`, on the loopback interface alone."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_gateway.announcement import TYPE
from support.peer import BOUND_S
from support.ports import free_port
from zeroconf import ServiceBrowser, ServiceListener, Zeroconf

SERVE = [sys.executable, "-m", "hushd", "serve", "--zeroconf"]


class Seen(ServiceListener):
    """Announcements that Home Assistant would see: `came` and `went`, by the name that it shows."""

    def __init__(self, port: int) -> None:
        self._port = str(port)
        self.came: queue.Queue[tuple[list[str], int | None]] = queue.Queue()
        self.went: queue.Queue[str] = queue.Queue()

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        info = zc.get_service_info(type_, name)
        if info and self._port in name:
            self.came.put((info.parsed_addresses(), info.port))

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        if self._port in name:
            self.went.put(name)

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """Of no interest."""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_it_is_announced_for_as_long_as_it_listens(runtime: Path, end: signal.Signals) -> None:
    """The announcement comes with the supervisor and goes with it, however it ends; it is none of its children."""
    port = free_port()
    seen = Seen(port)
    with Zeroconf(interfaces=["127.0.0.1"]) as zeroconf:
        ServiceBrowser(zeroconf, TYPE, seen)
        with subprocess.Popen([*SERVE, "--wyoming", f"tcp://127.0.0.1:{port}"]) as process:
            assert seen.came.get(timeout=BOUND_S) == (["127.0.0.1"], port)
            (announcer,) = announcers(port)
            assert f"\nPPid:\t{process.pid}\n" not in Path(f"/proc/{announcer}/status").read_text()
            os.kill(process.pid, end)
            process.wait(BOUND_S)
        assert str(port) in seen.went.get(timeout=BOUND_S)


def announcers(port: int) -> list[str]:
    """The processes that announce this port."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes()
        except OSError:
            continue
        if b"hushd_gateway.announcement" in command and str(port).encode() in command:
            found.append(process.parent.name)
    return found
