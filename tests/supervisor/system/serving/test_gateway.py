"""Tests of the door's end of the gateway: its queue and its process, which a test ends when it likes."""

from __future__ import annotations

import errno
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
from hushd_schema.settings.access import Address
from hushd_supervisor.core.serving.door import Http
from hushd_supervisor.system.serving.door import Door
from hushd_supervisor.system.serving.gateway import START_S, Gateway
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


def test_a_gateway_that_has_received_its_first_connection_is_not_killed(porch: Porch) -> None:
    """It may be busy with that one when the next has waited for half a minute."""
    porch.come()
    received = handover.receive(porch.gateway._receive_end)
    assert received
    porch.ends.append(received[0])
    porch.come()
    porch.gateway.on_time(porch.now + START_S)
    assert porch.launch.started[0].kills == 0


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
