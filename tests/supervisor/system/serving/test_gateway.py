"""Tests of the door's end of the gateway: its queue and its process, which a test ends when it likes."""

from __future__ import annotations

import errno
import math
import os
import selectors
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hushd_protocol.system import handover
from hushd_protocol.system.handover import Handover
from hushd_schema.settings.address import Address
from hushd_supervisor.core.serving.door import Http
from hushd_supervisor.system.serving.door import PAUSE_S, Door
from hushd_supervisor.system.serving.gateway import START_S, WAIT_S, Gateway
from hushd_supervisor.system.serving.listeners import Listener
from hushd_supervisor.system.serving.prepared import Reply
from support.fake_process import FakeLauncher

LARGE = bytes(1 << 20)  # more than a socket takes
FORM = Handover("http", "there", "", b"")


class Porch:
    """A gateway with a process that does nothing, and the door that watches it."""

    def __init__(self, folder: Path) -> None:
        self.now = 100.0
        self.log: list[str] = []
        self.launch = FakeLauncher()
        self.selector = selectors.DefaultSelector()
        self.gateway = Gateway(
            self.selector, self.launch, folder / "log", lambda level, text: self.log.append(level), lambda channel: []
        )
        answers = SimpleNamespace(find=lambda *_: Reply(LARGE), close=lambda: None)
        self.door = Door(
            self.selector, cast("Any", answers), self.gateway, lambda level, text: self.log.append(level),
            lambda: self.now,
        )  # fmt: skip
        self.ends: list[socket.socket] = []
        self.is_closed = False

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            for process in self.launch.started:
                if process.status is None:
                    process.exit(0)
            self.door.close()

    def leave(self) -> None:
        """Closes all that a test has opened."""
        self.close()
        for end in self.ends:
            end.close()

    def come(self) -> socket.socket:
        """A program whose connection needs the gateway; returns its end."""
        ours, theirs = socket.socketpair()
        self.ends += [ours, theirs]
        theirs.setblocking(False)
        self.gateway.give(ours, FORM, self.now)
        return theirs

    def refused(self, now: float) -> int:
        """The number of connections that will not be served."""
        found = [connection for connection, _ in self.gateway.refused(now)]
        self.ends += found
        return len(found)

    def fill(self) -> None:
        """More programs come than the channel holds."""
        while not len(self.gateway):
            self.come()

    def listen(self, folder: Path, *, lasting: bool = False) -> Listener:
        """Has the door listen at a path."""
        end = socket.socket(socket.AF_UNIX)
        self.ends.append(end)
        end.setblocking(False)
        end.bind(os.fspath(folder / "http"))
        end.listen()
        address = Address("http", "there", path=os.fspath(folder / "http"))
        listener = Listener(address, end, Http(), lambda _: True, lasting)
        self.door._replace([listener])
        return listener


@pytest.fixture
def porch(runtime: Path) -> Iterator[Porch]:
    made = Porch(runtime)
    yield made
    made.leave()


def test_a_gateway_that_failed_to_start_is_not_tried_again_at_once(porch: Porch) -> None:
    """Whoever comes meanwhile is told when; the next time another is started, once."""
    porch.launch.error = OSError(errno.EAGAIN, "no processes")
    porch.come()
    porch.launch.error = None
    porch.come()
    assert porch.gateway.starts == 0
    assert porch.refused(porch.now) == 2
    porch.now += porch.gateway.closed_for(porch.now)
    porch.come()
    assert porch.gateway.starts == 1


def test_a_gateway_that_is_not_there_is_not_killed(porch: Porch) -> None:
    """The connections in the channel may wait for the next one."""
    porch.launch.error = OSError(errno.EAGAIN, "no processes")
    porch.come()
    porch.log.clear()
    porch.gateway.on_time(porch.now + 1000)
    assert porch.log == []


def test_a_gateway_that_has_received_its_first_connection_is_not_killed(porch: Porch) -> None:
    """It may be busy with that one when the next has waited for half a minute."""
    porch.come()
    received = handover.receive(porch.gateway._receive_end)
    assert received
    porch.ends.append(received[0])
    porch.come()
    porch.gateway.on_time(porch.now + START_S)
    assert porch.launch.started[0].kills == 0


def test_a_standstill_is_not_the_time_of_who_waits(porch: Porch) -> None:
    """Those for whom the channel has no room wait for `WAIT_S` of this process's own time."""
    porch.fill()
    porch.gateway.excuse(100)
    assert porch.refused(porch.now + WAIT_S) == 0
    assert porch.refused(porch.now + WAIT_S + 100) == 1


def test_who_waits_is_sent_as_soon_as_there_is_room(porch: Porch) -> None:
    """The channel wakes the door, as long as somebody waits for it."""
    porch.fill()
    porch.door.handle()
    assert len(porch.gateway) == 1
    while True:
        try:
            received = handover.receive(porch.gateway._receive_end)
        except BlockingIOError:
            break
        assert received
        received[0].close()
        porch.door.handle()
    assert len(porch.gateway) == 0
    assert porch.selector.select(0) == []


def test_the_end_of_the_door_leaves_nothing_of_its_gateway(porch: Porch) -> None:
    """It is killed, and its descriptors are closed."""
    porch.come()
    (process,) = porch.launch.started
    porch.close()
    assert (process.kills, process.closed, porch.gateway.pid) == (1, True, None)


def test_a_gateway_that_ends_while_the_door_leaves_is_reaped(porch: Porch, tmp_path: Path) -> None:
    """The supervisor waits for nothing else then."""
    porch.come()
    assert not porch.door.finish(porch.now)
    porch.launch.started[0].exit(0)
    porch.door.finish(porch.now)
    assert porch.gateway.pid is None
    assert porch.door.finish(porch.now)


class Refusing:
    """A listener's socket while the system has no descriptor left."""

    def accept(self) -> None:
        raise OSError(errno.EMFILE, "Too many open files")


def test_a_want_of_descriptors_is_one_pause(porch: Porch, tmp_path: Path) -> None:
    """After it the door listens again, and no turn comes of it any more; a door that has stopped does not."""
    listener = porch.listen(tmp_path, lasting=True)
    for stops in (False, True):
        assert listener.socket in porch.selector.get_map()
        without = SimpleNamespace(**{name: getattr(listener, name) for name in ("address", "rules", "lasting")})
        porch.door._accept(cast("Any", SimpleNamespace(**vars(without), socket=Refusing())), porch.now)
        assert listener.socket not in porch.selector.get_map()
        assert porch.door.deadline() == porch.now + PAUSE_S
        if stops:
            porch.door.stop()
        porch.now += PAUSE_S
        porch.door.on_time()
        assert (listener.socket in porch.selector.get_map()) is not stops
        assert porch.door.deadline() == math.inf


def test_the_end_of_the_door_is_everybodys(porch: Porch, tmp_path: Path) -> None:
    """Of those that read an answer or have asked nothing, and of those that were refused and may still read why."""
    porch.listen(tmp_path)
    silent, asking, refused = (socket.socket(socket.AF_UNIX) for _ in range(3))
    porch.ends += [silent, asking, refused]
    for end in (silent, asking, refused):
        end.connect(os.fspath(tmp_path / "http"))
        end.settimeout(10)
    refused.send(b"\x16\x03")  # TLS
    asking.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    while porch.door.status().polls != 1 or porch.door.status().refusals != 1 or len(porch.door._connections) != 2:
        porch.door.handle()
    held = [*porch.door._connections._all, *porch.door._lingering._all]  # or each would close with its object
    porch.close()
    assert silent.recv(100) == b""
    assert [each.fileno() if isinstance(each, socket.socket) else each.socket.fileno() for each in held] == [-1] * 3
