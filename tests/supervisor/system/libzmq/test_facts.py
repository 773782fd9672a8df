"""The facts about libzmq that the defences rest on, asked of libzmq itself: a version that differs fails here first."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from hushd_protocol.limits import HIGH_WATER, MAX_WIRE
from hushd_supervisor.system.libzmq import latch, numbers, routers
from hushd_supervisor.system.libzmq.connection_limit import ConnectionLimit
from hushd_supervisor.system.sockets.lock import ListeningSocket
from support.peer import BOUND_S, wait_until


class Door:
    """A ROUTER as the supervisor has it, and its peers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.router = routers.make_router(self.context)
        self.first = numbers.first(self.context, self.router)
        self.listener = ListeningSocket(path)
        self.limit = ConnectionLimit(self.context, self.router, self.listener, 1000)
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
        """The next message and its route."""
        assert self.router.poll(BOUND_S * 1000)
        route, payload = self.router.recv_multipart()
        return route, payload

    def close(self) -> None:
        for peer in self.peers:
            peer.close(linger=0)
        self.limit.close()
        self.router.close(linger=0)
        self.context.term()


@pytest.fixture
def door(runtime: Path) -> Iterator[Door]:
    opened = Door(runtime / "client.sock")
    yield opened
    opened.close()


def test_our_seed_decides_the_first_number() -> None:
    """Else nobody could keep a peer from guessing the next one: the supervisor says so in its log."""
    with zmq.Context() as context:
        assert numbers.hide(context)


def test_connections_are_numbered_one_after_the_other(door: Door) -> None:
    """From the first one on, by one each; so a name that libzmq cannot have given is known."""
    for count in range(1, 6):
        door.connect()
        route, _ = door.receive()
        assert int.from_bytes(route[1:]) == (int.from_bytes(door.first[1:]) + count) % 2**32
        assert numbers.is_number(route, door.first, count)
        assert not numbers.is_number(route, door.first, count - 1)


def test_a_name_that_a_peer_has_chosen_arrives_as_it_is(door: Door) -> None:
    """It is not numbered, and so it can be refused."""
    door.connect(ROUTING_ID=b"mine")
    route, _ = door.receive()
    assert route == b"mine"
    assert not numbers.is_number(route, door.first, 1000)


def test_the_monitor_and_a_frame_name_the_same_descriptor(door: Door) -> None:
    """An acceptance comes before the first message, with the descriptor that the message has; the end names it too."""
    peer = door.connect()
    assert door.router.poll(BOUND_S * 1000)
    frame = door.router.recv(copy=False)
    descriptor = int(frame.get(zmq.SRCFD))
    assert list(door.limit.changes()) == [(True, descriptor)]
    peer.close(linger=0)
    ends: list[tuple[bool, int]] = []
    wait_until(lambda: ends.extend(door.limit.changes()) or ends, "the end")
    assert ends == [(False, descriptor)]


def test_a_message_that_is_too_large_ends_its_connection(door: Door) -> None:
    """Nothing of it arrives, and others are served."""
    rude = door.connect()
    door.receive()
    rude.send(bytes(MAX_WIRE + 1))
    seen: list[bool] = []
    wait_until(lambda: seen.extend(accepted for accepted, _ in door.limit.changes()) or False in seen, "the end")
    assert not door.router.poll(0)
    door.connect()
    assert door.receive()[1] == b"hello"


def test_a_send_never_waits_and_never_vanishes(door: Door) -> None:
    """EHOSTUNREACH for a peer that is gone, EAGAIN for one that does not read."""
    with pytest.raises(zmq.ZMQError) as caught:
        routers.send(door.router, b"\0nobo", [b"", b""])
    assert caught.value.errno == zmq.EHOSTUNREACH
    door.connect(RCVHWM=1)
    route, _ = door.receive()

    def fill() -> None:
        for _ in range(10 * HIGH_WATER):
            routers.send(door.router, route, [b"", bytes(60_000)])

    with pytest.raises(zmq.Again):
        fill()


def test_one_message_of_each_connection_is_taken_in_turn(door: Door) -> None:
    """Beside one who always has more to be read, another's messages are read all the same."""
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


@pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
def test_its_listening_socket_is_found_in_its_epoll(door: Door) -> None:
    """The latch is in that epoll, under the number that libzmq has duplicated from ours."""
    assert latch.find(door.limit._listening) is not None
    with open(os.devnull, "rb") as other:
        assert latch.find(other.fileno()) is None
