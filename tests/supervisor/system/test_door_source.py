"""Tests of what stands between the loop and the door, with a real door whose gateway is never started."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import zmq
from hushd_protocol.system.paths import find, prepare_state
from hushd_schema.settings import HttpSettings, Settings, WyomingSettings
from hushd_supervisor.core.actions import Listen
from hushd_supervisor.core.events import ClientGone
from hushd_supervisor.system.door_source import DoorSource
from hushd_supervisor.system.process import Process
from hushd_supervisor.system.serving import connections
from support.doorway import is_whole
from support.peer import wait_until

HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
WORK = b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
ROUTE = b"client"


def settings(*http: str, **others: Any) -> Settings:
    return Settings(http=HttpSettings(listen=http), **others)


class Porch:
    """A `DoorSource` in the loop's place of a poller, and what it has recorded and wanted to start."""

    def __init__(self, passed: Sequence[tuple[str, int]] = ()) -> None:
        self.log: list[tuple[str, str]] = []
        self.launched: list[Sequence[str]] = []
        self.poller = zmq.Poller()
        prepare_state(find())  # the gateway's log
        self.source = DoorSource(self.poller, self._launch, find(), lambda *line: self.log.append(line), passed)

    def _launch(self, command: Sequence[str], environment: Mapping[str, str], **descriptors: Any) -> Process:
        self.launched.append(command)
        raise OSError

    def connect(self, path: Path) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(0)
        made.connect(os.fspath(path))
        return made

    def turn(self) -> None:
        """One turn of the loop."""
        assert not list(self.source.events(dict(self.poller.poll(10)), 0.0))

    def read(self, connection: socket.socket, enough: Callable[[bytes], bool] = lambda _: False) -> bytes:
        """The bytes of a connection until there are enough, or it ends."""
        found: list[bytes] = []

        def more() -> bool:
            self.turn()
            try:
                found.append(connection.recv(65536))
            except BlockingIOError:
                return False
            return not found[-1] or enough(b"".join(found))

        wait_until(more, "an answer")
        return b"".join(found)

    @property
    def addresses(self) -> list[str]:
        status = self.source.status()
        return [listener.address for listener in status.listeners] if status else []


@pytest.fixture
def porch(runtime: Path) -> Iterator[Porch]:
    made = Porch()
    yield made
    made.source.close()


def test_a_clients_address_is_one_more_until_the_client_has_gone(porch: Porch, runtime: Path) -> None:
    """Those of the configuration stay, before and after."""
    ours, lent = f"unix://{runtime}/ours", f"unix://{runtime}/lent"
    porch.source.configure(settings(ours))
    porch.source._listen(Listen(ROUTE, b"1" * 16, (f"http={lent}",)))
    assert porch.addresses == [ours, lent]
    porch.source.look(ClientGone(b"another"), 0.0)
    assert porch.addresses == [ours, lent]
    porch.source.look(ClientGone(ROUTE), 0.0)
    assert porch.addresses == [ours]


def test_a_service_managers_socket_opens_the_door(runtime: Path) -> None:
    """Also where the configuration names no address; without either there is none."""
    porch = Porch()
    porch.source.configure(Settings())
    assert porch.source.status() is None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(runtime / "managers"))
        listener.listen()
        porch = Porch([("http", os.dup(listener.fileno()))])
        porch.source.configure(Settings())
        assert porch.addresses == [f"unix://{runtime}/managers"]
        assert porch.source._door
        (ours,) = porch.source._door.listeners
        porch.source.close()
        ours.socket.close()  # which the door leaves open for the manager


def test_the_log_names_each_address_once_and_warns_of_those_that_strangers_reach(porch: Porch, runtime: Path) -> None:
    """Other settings name only the new ones."""
    ours, more = f"unix://{runtime}/ours", f"unix://{runtime}/more"
    porch.source.configure(settings(ours))
    assert porch.log == [("info", f"serves HTTP at {ours}")]
    porch.log.clear()
    porch.source.configure(settings(ours, more))
    assert porch.log == [("info", f"serves HTTP at {more}")]
    porch.log.clear()
    wyoming = WyomingSettings(listen=("tcp://0.0.0.0:0",), allow=("127.0.0.1",))
    porch.source.configure(settings(ours, wyoming=wyoming))
    (_, place), (level, warning) = porch.log
    assert place.startswith("serves Wyoming at tcp://0.0.0.0:")
    assert level == "warning"
    assert "programs beyond this machine can reach tcp://0.0.0.0:" in warning


def test_the_door_is_served_when_the_poller_has_reported_it(porch: Porch, runtime: Path) -> None:
    """A turn in which nobody came costs it nothing."""
    porch.source.configure(settings(f"unix://{runtime}/ours"))
    with porch.connect(runtime / "ours") as connection:
        connection.send(HEALTH)
        assert not list(porch.source.events({}, 0.0))
        status = porch.source.status()
        assert status is not None
        assert status.connections == 0
        assert porch.read(connection, is_whole).endswith(b"\r\n\r\nOK")


def test_who_says_nothing_is_dropped_at_its_deadline(
    porch: Porch, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop wakes by the door's deadline, and the door acts on it then and not before."""
    monkeypatch.setattr(connections, "FIRST_S", 0.0)
    porch.source.configure(settings(f"unix://{runtime}/ours"))
    with porch.connect(runtime / "ours") as connection:
        porch.turn()
        due = porch.source.deadline()
        assert due is not None
        list(porch.source.on_time(due - 1))
        with pytest.raises(BlockingIOError):
            connection.recv(1)
        list(porch.source.on_time(due))
        assert connection.recv(1) == b""


def test_a_door_that_leaves_starts_no_gateway(porch: Porch, runtime: Path) -> None:
    """Polls have their answers, and whoever wants more is told to come again in a second."""
    porch.source.configure(settings(f"unix://{runtime}/ours"))
    porch.source.leave(stop=False)
    with porch.connect(runtime / "ours") as connection:
        connection.send(HEALTH)
        assert porch.read(connection, is_whole).endswith(b"\r\n\r\nOK")
        connection.send(WORK)
        assert b" 503 " in porch.read(connection, is_whole)
    assert porch.launched == []
