"""Tests of the reports to a service manager."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hushd_supervisor.system.sd_notify import ServiceManager, from_environment
from support.peer import BOUND_S, CONFIG, Supervisor
from support.wakeups import comes_to_rest

Start = Callable[..., Supervisor]


class Ear:
    """The service manager's socket, at a path or under an abstract name."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(BOUND_S)
        self.socket.bind(address.replace("@", "\0"))

    def next(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n"))

    def until(self, name: str, value: str | None = None) -> dict[str, str]:
        """The first message that says `name`, as `value` if that is given."""
        while (words := self.next()).get(name) is None or value not in (None, words[name]):
            pass
        return words

    def silent(self) -> bool:
        self.socket.setblocking(False)
        try:
            self.socket.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(BOUND_S)
        return False


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


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "6000000"}, 6.0),
        ({"WATCHDOG_USEC": "6000000", "WATCHDOG_PID": str(os.getpid())}, 6.0),
        ({"WATCHDOG_USEC": "6000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "often"}, None),
    ],
)
def test_the_watch_is_kept_only_while_workers_live(ear: Ear, words: dict[str, str], seconds: float | None) -> None:
    """READY ends the watch; the first worker begins it with the manager's own limit, the last one's exit ends it."""
    manager = from_environment({"NOTIFY_SOCKET": ear.address, **words})
    assert manager is not None
    manager.ready()
    ready = ear.next()
    assert (ready["READY"], ready["MAINPID"], ready["STATUS"]) == ("1", str(os.getpid()), "no workers")
    assert ready.get("WATCHDOG_USEC") == (None if seconds is None else "0")
    assert manager.deadline() is None
    manager.report([os.getpid()], 100.0)
    begun = ear.next()
    assert begun["STATUS"].startswith("1 worker, ")
    assert begun["STATUS"].endswith(" MB")
    if seconds is None:
        assert "WATCHDOG" not in begun
        assert manager.deadline() is None
    else:
        assert (begun["WATCHDOG_USEC"], begun["WATCHDOG"]) == ("6000000", "1")
        assert manager.deadline() == 102.0
        manager.on_time(101.9)
        assert ear.silent()
        manager.on_time(102.0)
        assert ear.next() == {"WATCHDOG": "1"}
        assert manager.deadline() == 104.0
    manager.report([os.getpid(), os.getpid()], 103.0)
    assert ear.next()["STATUS"].startswith("2 workers, ")
    manager.report([], 104.0)
    assert ear.next() == {"STATUS": "no workers"} | ({} if seconds is None else {"WATCHDOG_USEC": "0"})
    assert manager.deadline() is None
    manager.report([], 105.0)
    assert ear.silent()


def test_reload_and_leaving_are_reported(ear: Ear) -> None:
    """RELOADING with the time it began, READY when it is over, STOPPING at the end."""
    manager = ServiceManager(ear.address)
    manager.reload(begins=True)
    begun = ear.next()
    assert begun["RELOADING"] == "1"
    assert int(begun["MONOTONIC_USEC"]) > 0
    manager.reload(begins=False)
    assert ear.next() == {"READY": "1"}
    manager.leave(stop=True)
    assert ear.next() == {"STOPPING": "1", "STATUS": "leaving"}


def test_a_supervisor_tells_its_manager_how_it_is(ear: Ear, start_supervisor: Start) -> None:
    """READY from the supervisor itself, its workers and their memory, signs of life while they live, and the end."""
    words = {"NOTIFY_SOCKET": ear.address, "WATCHDOG_USEC": "300000"}
    supervisor = start_supervisor("[worker]\nkeep_alive = -1\n" + CONFIG, environment=words)
    assert ear.until("READY")["MAINPID"] == str(supervisor.pid)
    with supervisor.connect() as peer:
        peer.ask("echo")
        assert ear.until("WATCHDOG_USEC")["WATCHDOG_USEC"] == "300000"
        for _ in range(3):
            ear.until("WATCHDOG")
        peer.control("unload")
        assert ear.until("WATCHDOG_USEC")["STATUS"] == "no workers"
        peer.control("reload")
        ear.until("RELOADING")
        ear.until("READY")
        peer.control("shutdown")
        ear.until("STOPPING")
    assert supervisor.process.wait(BOUND_S) == 0


def test_a_watched_supervisor_rests(ear: Ear, start_supervisor: Start) -> None:
    """With nothing running it is not scheduled, and so says nothing, though its manager has a limit of 30 ms."""
    supervisor = start_supervisor(environment={"NOTIFY_SOCKET": ear.address, "WATCHDOG_USEC": "30000"})
    ear.until("READY")
    comes_to_rest(supervisor.pid)
