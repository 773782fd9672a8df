"""The facts about libzmq that the sockets rest on, asked of libzmq itself: a version that differs fails here first."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from hushd_protocol.limits import HIGH_WATER
from hushd_supervisor.system.sockets import router
from hushd_supervisor.system.sockets.lock import ListeningSocket
from support.peer import BOUND_S, CONFIG, Start


class Door:
    """A ROUTER as the supervisor has it, and its peers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.router = router.make_router(self.context)
        self.listener = ListeningSocket(path)
        router.listen(self.router, self.listener)
        self.peers: list[zmq.Socket[bytes]] = []

    def connect(self, **options: object) -> zmq.Socket[bytes]:
        """A peer that has said `hello`."""
        peer = self.context.socket(zmq.DEALER)
        peer.setsockopt(zmq.LINGER, 0)
        for name, value in options.items():
            peer.set(getattr(zmq, name), value)
        peer.connect(f"ipc://{self.path}")
        peer.send(b"hello")
        self.peers.append(peer)
        return peer

    def receive(self) -> tuple[bytes, bytes]:
        assert self.router.poll(BOUND_S * 1000)
        route, payload = self.router.recv_multipart()
        return route, payload

    def close(self) -> None:
        for peer in self.peers:
            peer.close(linger=0)
        self.router.close(linger=0)
        self.context.term()


@pytest.fixture
def door(runtime: Path) -> Iterator[Door]:
    opened = Door(runtime / "client.sock")
    yield opened
    opened.close()


def test_one_message_of_each_connection_is_taken_in_turn(door: Door) -> None:
    """Another's messages are read beside one who always has more to be read."""
    loud, quiet = door.connect(), door.connect()
    over = threading.Event()

    def flood() -> None:
        while not over.is_set():
            if loud.poll(10, zmq.POLLOUT):
                loud.send(b"loud")

    flooding = threading.Thread(target=flood)
    flooding.start()
    for _ in range(20):
        quiet.send(b"quiet")
    try:
        read = [door.receive()[1] for _ in range(20 * HIGH_WATER)]
    finally:
        over.set()
        flooding.join()
    assert read.count(b"quiet") == 20
    assert read.count(b"loud") > HIGH_WATER


def test_a_socket_that_libzmq_was_given_stays_at_its_path(runtime: Path) -> None:
    """It unlinks what it has bound itself, whoever has it by then; with USE_FD it leaves the path alone."""
    door = Door(runtime / "client.sock")
    door.close()
    assert door.path.is_socket()
    assert door.listener.is_ours()


@pytest.mark.parametrize("spare", [1, 2, 3, 4])
def test_a_cold_start_without_descriptors_is_refused(start_supervisor: Start, spare: int) -> None:
    """A start is refused by `server_busy` with `spare` descriptors left; when they are back the next succeeds."""
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


def test_a_lost_workers_socket_ends_the_supervisor(start_supervisor: Start) -> None:
    """A cleaner that removes worker.sock costs no start: the supervisor leaves, and the next one has both sockets."""
    supervisor = start_supervisor()
    (supervisor.folder / "worker.sock").unlink()
    assert supervisor.process.wait(60) == 0
    with start_supervisor().connect() as peer:
        assert peer.ask("echo", payload=b"hello")["text"] == "hello"
