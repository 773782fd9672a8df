"""Tests of the gateway's process: its start with listening sockets, and its end. Nothing here needs a supervisor."""

from __future__ import annotations

import asyncio
import http.client
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest
from hushd_gateway import callers
from hushd_gateway.__main__ import FIRST_BYTES_TIMEOUT_S, SERVERS, Gateway
from hushd_gateway.configuration import Configuration
from hushd_gateway.listening import Listener
from hushd_gateway.wyoming.listening import _allows
from hushd_protocol.system.paths import find
from hushd_schema.settings import Settings, WyomingSettings
from support.peer import BOUND_S

PING = b'{"type": "ping"}\n'


class Process:
    """A gateway with a listener of each kind, and the supervisor's end of its channel."""

    def __init__(self, idle: float) -> None:
        self.channel, theirs = socket.socketpair()
        self.channel.settimeout(BOUND_S)
        self.http, self.wyoming = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
        words = [f"http={self.http.fileno()}=127.0.0.1:1", f"wyoming={self.wyoming.fileno()}=tcp://127.0.0.1:2"]
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "hushd_gateway", "--channel", str(theirs.fileno()), *words],
                pass_fds=(theirs.fileno(), self.http.fileno(), self.wyoming.fileno()),
                stdin=subprocess.DEVNULL, env=os.environ | {"HUSHD_GATEWAY_IDLE": str(idle)},
            )  # fmt: skip

    def connect(self, listener: socket.socket) -> socket.socket:
        return socket.create_connection(listener.getsockname(), timeout=BOUND_S)

    def is_healthy(self) -> bool:
        connection = http.client.HTTPConnection(*self.http.getsockname(), timeout=BOUND_S)
        connection.request("GET", "/health")
        answer = connection.getresponse().read()
        connection.close()
        return answer == b"OK"

    def pongs(self) -> bool:
        """Returns whether it answers by Wyoming."""
        with self.connect(self.wyoming) as connection:
            connection.sendall(PING)
            return pong(connection)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for end in (self.channel, self.http, self.wyoming):
            end.close()


def pong(connection: socket.socket) -> bool:
    """Returns whether that is what comes."""
    answer = b""
    while b"\n" not in answer or not answer.endswith(b"}"):
        answer += connection.recv(100)
    return answer.startswith(b'{"type": "pong"')


@pytest.fixture
def start(runtime: str) -> Iterator[Callable[..., Process]]:
    made: list[Process] = []

    def start(idle: float = 60.0) -> Process:
        made.append(Process(idle))
        return made[-1]

    yield start
    for each in made:
        each.close()


def test_both_kinds_are_served_until_there_was_nothing_to_do_for_a_while(start: Callable[..., Process]) -> None:
    """It says that it accepts no more, and ends with 0; its listeners go on."""
    there = start(0.5)
    assert there.is_healthy()
    assert there.pongs()
    assert there.channel.recv(10) == b"."
    with there.connect(there.http):  # waits for the next one
        assert there.process.wait(BOUND_S) == 0


class TurnedClock(selectors.DefaultSelector):
    """Whatever a loop waits for with nothing to do comes at once, since its clock is turned to then."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Returns the ready files; where there are none, turns the clock first."""
        ready = super().select(timeout and 0)
        if not ready:
            self.now += timeout or 0
        return ready


class LateServer:
    """A server whose last connection was accepted just before the end, and begins to speak a little later."""

    def __init__(self) -> None:
        self.events: list[str] = []

    async def start(self, listeners: Sequence[Listener]) -> None:
        """Has nothing to do."""

    def stop_accepting(self) -> None:
        asyncio.get_running_loop().call_later(0.9 * FIRST_BYTES_TIMEOUT_S, self.events.append, "heard")

    async def end(self) -> None:
        self.events.append("ended")


def test_who_was_accepted_last_is_heard(monkeypatch: pytest.MonkeyPatch, runtime: str) -> None:
    """A gateway that leaves gives it a moment to begin, since the next gateway will not see it."""
    clock, server = TurnedClock(), LateServer()
    monkeypatch.setitem(SERVERS, "http", lambda *_: server)

    loop = asyncio.SelectorEventLoop(clock)  # a Runner would give its threads minutes of this clock, which are nothing
    monkeypatch.setattr(loop, "time", lambda: clock.now)
    ours, theirs = socket.socketpair()
    listener = socket.create_server(("127.0.0.1", 0))
    with ours, theirs, listener, socket.create_connection(listener.getsockname()):
        gateway = Gateway(Configuration(find().config), theirs)
        with closing(loop):
            loop.run_until_complete(gateway.run([Listener("http", listener, "127.0.0.1:1")]))
    assert server.events == ["heard", "ended"]


def test_a_head_that_does_not_end_keeps_no_gateway(start: Callable[..., Process]) -> None:
    """Programs that say nothing are let go with the last one that does."""
    there = start(0.5)
    with there.connect(there.http) as silent, there.connect(there.http) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nX: ")
        assert there.is_healthy()
        assert there.process.wait(BOUND_S) == 0
        assert silent.recv(10) == b""
        assert slow.recv(10) == b""


def test_a_connection_of_wyoming_keeps_it(start: Callable[..., Process]) -> None:
    """Its program may be about to speak; HTTP's say it by a request."""
    there = start(0.2)
    with there.connect(there.wyoming) as connection:
        for _ in range(3):
            connection.sendall(PING)
            assert pong(connection)
            with pytest.raises(subprocess.TimeoutExpired):
                there.process.wait(0.3)
    assert there.process.wait(BOUND_S) == 0


@pytest.mark.parametrize("told", [True, False])
def test_it_ends_when_it_is_told_to_and_with_its_supervisor(start: Callable[..., Process], told: bool) -> None:
    """SIGTERM ends it, or the end of the channel."""
    there = start()
    assert there.is_healthy()
    there.process.send_signal(signal.SIGTERM) if told else there.channel.shutdown(socket.SHUT_WR)
    status = there.process.wait(BOUND_S)
    assert told or status == 0


@pytest.mark.parametrize(("peer", "ours", "allowed"), [
    ("", True, True), ("127.0.0.1", True, True), ("127.0.0.1", False, False), ("127.0.0.2", False, True),
    ("192.168.1.5", False, True), ("192.168.1.6", False, False),
    ("::ffff:192.168.1.5", False, True), ("fe80::1%eth0", False, False),
])  # fmt: skip
def test_wyoming_admits_this_user_and_who_is_named(
    peer: str, ours: bool, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(wyoming=WyomingSettings(allow=("192.168.1.5", "127.0.0.2")))
    monkeypatch.setattr(callers, "is_ours", lambda *_: ours)
    assert _allows(settings, (peer, 5) if peer else None, ("127.0.0.1", 10300)) is allowed
