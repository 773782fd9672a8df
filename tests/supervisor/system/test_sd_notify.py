"""Tests of the reports to a service manager."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd_supervisor.system.sd_notify import ServiceManager, from_environment
from support.peer import BOUND_S, CONFIG, Start
from support.wakeups import comes_to_rest


class Ear:
    """The service manager's socket, at a path or under an abstract name."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(BOUND_S)
        self.socket.bind(address.replace("@", "\0"))

    def next(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n"))


@pytest.fixture(params=["path", "abstract"])
def ear(runtime: Path, request: pytest.FixtureRequest) -> Iterator[Ear]:
    address = str(runtime / "notify") if request.param == "path" else f"@hushd-test-{os.getpid()}"
    ear = Ear(address)
    yield ear
    ear.socket.close()


def test_without_a_manager_there_is_nobody_to_tell() -> None:
    """No address, or one of a kind that we do not know; the manager's words are gone from the environment."""
    for address in ("", "vsock:2:1234"):
        environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "/"}
        assert from_environment(environ) is None
        assert environ == {"HOME": "/"}


def test_reload_and_leaving_are_reported(ear: Ear) -> None:
    """RELOADING with the time it began, READY when it is over, STOPPING at the end."""
    manager = ServiceManager(ear.address)
    manager.reload(begins=True)
    begun = ear.next()
    assert begun["RELOADING"] == "1"
    assert int(begun["MONOTONIC_USEC"]) > 0
    manager.reload(begins=False)
    assert ear.next() == {"READY": "1"}
    manager.prepare_end(stop=True)
    assert ear.next() == {"STOPPING": "1"}


def test_a_supervisor_tells_its_manager_how_it_is(ear: Ear, start_supervisor: Start) -> None:
    """READY from the supervisor itself, a reload, and the end; at rest it says nothing, and is not scheduled."""
    words = {"NOTIFY_SOCKET": ear.address, "WATCHDOG_USEC": "30000"}
    supervisor = start_supervisor("[worker]\nkeep_alive = -1\n" + CONFIG, environment=words)
    assert ear.next() == {"READY": "1", "MAINPID": str(supervisor.pid)}
    comes_to_rest(supervisor.pid)
    with supervisor.connect() as peer:
        peer.ask("echo")
        peer.control("reload")
        assert "RELOADING" in ear.next()
        assert ear.next() == {"READY": "1"}
        peer.control("shutdown")
        assert ear.next() == {"STOPPING": "1"}
    assert supervisor.process.wait(BOUND_S) == 0
