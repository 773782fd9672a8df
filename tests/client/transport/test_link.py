"""Tests of the search for a supervisor: how long one that says nothing is waited for, by a clock of the test's own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from hushd.transport import autostart, link
from hushd.transport.connection import Connection
from hushd.transport.link import Link
from hushd_models import installation
from hushd_protocol.errors import HushdError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each process that exists counts as working")


class Clock:
    """A clock that goes on where somebody waits for an answer or sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def never(self, path: object, *, patience: float = 1.0, **options: Any) -> Any:
        """A connection that nobody answers."""
        self.now += patience
        raise HushdError("supervisor_lost", "The supervisor does not answer.")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(link, "time", SimpleNamespace(monotonic=lambda: made.now, sleep=made.wait))
    return made


@pytest.fixture
def place(runtime: Path) -> Iterator[Link]:
    """A search in whose folder somebody listens and accepts nobody, as a service manager does."""
    made = Link()
    made.paths.client_socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(made.paths.client_socket))
        listener.listen(128)
        yield made


def find(place: Link, connection: Callable[..., Any]) -> Connection:
    """Searches, where `connection` stands for the class of connections."""
    with patch.object(link, "Connection", connection):
        return place.find()


def _searched(place: Link, clock: Clock) -> float:
    """The seconds after which the search gives up."""
    began = clock.now
    with pytest.raises(HushdError, match="does not answer"):
        find(place, clock.never)
    return clock.now - began


def _ended() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        return process.pid


@pytest.mark.parametrize("number", ["", "killed"])
def test_a_service_manager_has_the_time_of_a_start(place: Link, clock: Clock, number: str) -> None:
    """A supervisor is being started where somebody listens and no living process holds the lock."""
    place.paths.lock.write_text(str(_ended()) if number else "")
    assert autostart.START_TIMEOUT_S <= _searched(place, clock) < autostart.START_TIMEOUT_S + 2 * link.FIND_S


def test_a_supervisor_that_stands_still_is_given_up_soon(place: Link, clock: Clock) -> None:
    """One that holds the lock and neither answers nor works has had its start."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        try:
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED)
            place.paths.lock.write_text(str(process.pid))
            assert link.FIND_S <= _searched(place, clock) < 2 * link.FIND_S
        finally:
            process.kill()


class Fake:
    """A connection to the supervisor `pid`, which has refused a request as it `leaves`."""

    def __init__(self, pid: int, waited: list[float | None], *, leaves: bool = False) -> None:
        self.supervisor, self._leaving, self._waited = SimpleNamespace(pid=pid), leaves, waited
        self.usable, self.foreign = not leaves, False

    leads_to_leaving = Connection.leads_to_leaving

    def wait_lost(self, timeout: float | None) -> bool:
        self._waited.append(timeout)
        return True

    def close(self) -> None:
        pass


def test_a_supervisor_that_works_for_ever_is_given_up_after_a_minute(
    place: Link, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine gives it longer than `FIND_S` to answer, and not all the time in the world."""
    too_late = clock.now + 3 * link.BUSY_S
    monkeypatch.setattr(
        link, "_owner_of", lambda *_: SimpleNamespace(works=lambda: clock.now < too_late, exists=lambda: True)
    )
    assert link.BUSY_S <= _searched(place, clock) < link.BUSY_S + 2 * link.FIND_S


@pytest.mark.parametrize(
    ("endpoint", "folder", "what"),
    [("ssh://desk", "", "ssh://desk"), (None, "attached/laptop.models.sock", "A machine that is attached to this one")],
)
def test_without_the_plugin_another_machine_is_one_sentence(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str | None, folder: str, what: str
) -> None:
    """It names the line that installs the plugin; an endpoint that is empty leads to this machine all the same."""
    monkeypatch.delenv("HUSHD_ENDPOINT", raising=False)
    monkeypatch.setattr("hushd.transport.link.entry_points", lambda _: {})
    monkeypatch.setattr(installation, "plugins", dict)
    if folder:
        (runtime / folder).parent.mkdir()
        (runtime / folder).touch()
    with pytest.raises(HushdError, match=r"takes the plugin remote: .*install") as caught:
        Link(endpoint=endpoint)
    assert caught.value.message.startswith(what)
    assert not Link(endpoint="").place


@pytest.mark.parametrize(("found", "waits"), [((7, 8), [link.OLD_SUPERVISOR_TIMEOUT_S]), ((8,), [])])
def test_who_was_refused_waits_for_the_end_of_that_supervisor(
    place: Link, monkeypatch: pytest.MonkeyPatch, found: tuple[int, ...], waits: list[float]
) -> None:
    """A service manager's socket leads to it until it has gone: then to the next one. Of another nobody waits."""
    waited: list[float | None] = []
    connections = [Open(pid, []) for pid in found]
    *left, last = connections
    monkeypatch.setattr(place, "find", lambda: connections.pop(0))
    place.connection = Fake(7, waited, leaves=True)  # type: ignore[assignment]
    assert place.connect() is last  # type: ignore[comparison-overlap]
    assert [each.closed for each in left] == [True] * len(left)
    assert not last.closed
    assert waited == waits  # the refused connection's end, which is the process's, whatever number the next one has


class Open(Fake):
    """One that tells whether it was closed, and stays open while its supervisor leaves."""

    closed = False

    def wait_lost(self, timeout: float | None) -> bool:
        return False

    def close(self) -> None:
        self.closed = True
