"""Tests of the ceiling of connections: a real supervisor with few descriptors, and programs that take them all."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from hushd.transport.connection import Connection
from hushd_protocol.errors import HushdError
from hushd_protocol.framing import pack
from hushd_protocol.messages import Hello
from hushd_supervisor.system.libzmq import connection_limit
from hushd_supervisor.system.libzmq.routers import make_router
from hushd_supervisor.system.sockets.lock import ListeningSocket
from support.peer import CONFIG, Supervisor, wait_until

Start = Callable[..., Supervisor]
NOTICES = 1001  # that a monitor of libzmq holds where its reader has a bound of one
FEW = ("prlimit", "--nofile=256:256")


@contextlib.contextmanager
def hogs(path: Path, count: int) -> Iterator[list[socket.socket]]:
    """Connections without a hello, each made once the one before was greeted."""
    held: list[socket.socket] = []
    try:
        for _ in range(count):
            endpoint = socket.socket(socket.AF_UNIX)
            held.append(endpoint)
            endpoint.settimeout(10)
            endpoint.connect(str(path))
            assert endpoint.recv(10)
        yield held
    finally:
        for endpoint in held:
            endpoint.close()


@pytest.mark.parametrize("name", ["client.sock", "worker.sock"])
def test_connections_beyond_the_descriptors_do_not_end_it(start_supervisor: Start, name: str) -> None:
    """300 connections at a limit of 256 that cannot be raised: a client served before, and a cold start, still work."""
    supervisor = start_supervisor(CONFIG, inside=FEW)
    with supervisor.connect() as peer:
        with hogs(supervisor.folder / name, 300):
            if name == "client.sock":
                assert peer.ask("echo", payload=b"hello")["text"] == "hello"
        wait_until(lambda: _connects(supervisor), "a connection after the others have left")
        assert peer.ask("echo", payload=b"hello")["text"] == "hello"
    assert supervisor.process.poll() is None


def test_a_connection_too_many_is_told_so(start_supervisor: Start) -> None:
    """A client that comes while others hold all connections gets `server_busy` and the limit, not silence."""
    supervisor = start_supervisor(CONFIG, inside=FEW)
    with hogs(supervisor.socket, 200):
        with pytest.raises(HushdError, match="85 connections") as caught:
            Connection(supervisor.socket, patience=10)
        assert caught.value.code == "server_busy"
    wait_until(lambda: _connects(supervisor), "a connection after the others have left")


@pytest.mark.parametrize("name", ["client.sock", "worker.sock"])
def test_a_burst_of_connections_does_not_end_it(start_supervisor: Start, name: str) -> None:
    """Five times 300 connections made as fast as can be, at a limit of 256 (was: libzmq aborts in one of six)."""
    supervisor = start_supervisor(CONFIG, inside=FEW)
    with supervisor.connect() as peer:
        assert peer.ask("echo", payload=b"hello")["text"] == "hello"
        for _ in range(5):
            with contextlib.ExitStack() as held:
                for _ in range(300):
                    held.enter_context(socket.socket(socket.AF_UNIX)).connect(str(supervisor.folder / name))
                assert peer.ask("echo", payload=b"hello")["text"] == "hello"
        wait_until(lambda: _connects(supervisor), "a connection after the others have left")
    assert supervisor.process.poll() is None


def test_no_more_are_accepted_than_the_ceiling(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 50 that come before the first is counted, libzmq accepts the two that are allowed; the others are refused."""
    monkeypatch.setattr(connection_limit, "open_files", lambda: 256)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context, make_router(context) as router, contextlib.ExitStack() as held:
        limit = connection_limit.ConnectionLimit(context, router, ListeningSocket(runtime / "client.sock"), ceiling=2)
        held.callback(limit.close)
        poller = zmq.Poller()
        limit.watch(poller)
        crowd = [held.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(50)]
        for endpoint in crowd:
            endpoint.connect(str(runtime / "client.sock"))
        accepted = 0

        def all_answered() -> bool:
            nonlocal accepted
            ready = dict(poller.poll(100))
            accepted += sum(is_new for is_new, _ in limit.changes())
            limit.refuse(ready)
            return len(select.select(crowd, [], [], 0)[0]) == len(crowd)

        wait_until(all_answered, "a greeting or an end for everybody")
        assert accepted == 2


def test_what_is_not_counted_yet_holds_nobody_up(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor that stands still reads no notices: libzmq's thread goes on, and greets whoever comes."""
    monkeypatch.setattr(connection_limit, "open_files", lambda: connection_limit.PLENTY)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context, make_router(context) as router, contextlib.ExitStack() as held:
        limit = connection_limit.ConnectionLimit(context, router, ListeningSocket(runtime / "client.sock"), ceiling=9)
        held.callback(limit.close)
        held.callback(lambda: list(limit.changes()))  # a thread that waits for room in the monitor goes on
        limit.watch(zmq.Poller())
        for _ in range(NOTICES // 2 + 10):  # of an accepted connection, and of its end
            with hogs(runtime / "client.sock", 1):
                pass


@pytest.mark.parametrize("spare", [1, 2, 3, 4])
def test_a_cold_start_without_descriptors_is_refused(start_supervisor: Start, spare: int) -> None:
    """With `spare` descriptors left a start is refused by `server_busy`, and when they are back the next succeeds."""
    supervisor = start_supervisor(CONFIG)
    with supervisor.connect() as peer:
        limits = resource.prlimit(supervisor.pid, resource.RLIMIT_NOFILE)
        peer.control("status")  # what it opens once is open
        used = len(os.listdir(f"/proc/{supervisor.pid}/fd"))
        resource.prlimit(supervisor.pid, resource.RLIMIT_NOFILE, (used + spare, limits[1]))
        for _ in range(5):
            assert peer.fail("echo").code == "server_busy"
        resource.prlimit(supervisor.pid, resource.RLIMIT_NOFILE, limits)
        assert peer.ask("echo", payload=b"hello")["text"] == "hello"


def test_who_leaves_before_the_refusal_ends_nothing(start_supervisor: Start) -> None:
    """A program that has connected and left while the supervisor was elsewhere costs it nothing (was: exit 70)."""
    supervisor = start_supervisor(CONFIG, inside=FEW)
    with supervisor.connect() as peer, hogs(supervisor.socket, 200):
        supervisor.process.send_signal(signal.SIGSTOP)
        for _ in range(20):
            with socket.socket(socket.AF_UNIX) as endpoint:
                endpoint.connect(str(supervisor.socket))
        supervisor.process.send_signal(signal.SIGCONT)
        assert peer.ask("echo", payload=b"hello")["text"] == "hello"
    assert supervisor.process.poll() is None


def test_a_client_that_chooses_its_routing_id_is_refused(supervisor: Supervisor) -> None:
    """Its first message is answered by `protocol_error`; others are served."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context, context.socket(zmq.DEALER) as rude:
        rude.setsockopt(zmq.LINGER, 0)
        rude.setsockopt(zmq.ROUTING_ID, b"mine")
        rude.connect(f"ipc://{supervisor.socket}")
        rude.send_multipart(pack(Hello(protocol=1, version="0")))
        assert rude.poll(10_000)
        assert b"routing id" in rude.recv_multipart()[1]
    with supervisor.connect() as peer:
        assert peer.ask("echo", payload=b"hello")["text"] == "hello"


def test_a_lost_workers_socket_ends_the_supervisor(start_supervisor: Start) -> None:
    """A cleaner that removes worker.sock costs no start: the supervisor leaves, and the next one has both sockets."""
    supervisor = start_supervisor()
    (supervisor.folder / "worker.sock").unlink()
    assert supervisor.process.wait(60) == 0
    with start_supervisor().connect() as peer:
        assert peer.ask("echo", payload=b"hello")["text"] == "hello"


def _connects(supervisor: Supervisor) -> bool:
    try:
        Connection(supervisor.socket, patience=10).close()
    except HushdError:
        return False
    return True
