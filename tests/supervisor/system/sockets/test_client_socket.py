"""Tests of the clients' socket: who says what, who has gone, and that one client's nonsense costs nobody else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from hushd_protocol.codec import pack
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import MAGIC, MAX_HEADER, MAX_PAYLOAD, MAX_WIRE
from hushd_protocol.messages import Cancel, Chunk, Control, Credit, Error, Hello, Message, Ping, Pong, Result, Yield
from hushd_protocol.system.paths import find
from hushd_supervisor.core.events import ClientGone, FromClient
from hushd_supervisor.system.sockets.client_socket import ClientSocket
from hushd_supervisor.system.sockets.lock import ListeningSocket
from support.peer import Peer, wait_until

ID, OTHER = bytes(range(16)), bytes(16)


@pytest.fixture
def clients(runtime: object) -> Iterator[ClientSocket]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    opened = ClientSocket(context, ListeningSocket(find().client_socket))
    yield opened
    opened.close(0)
    context.term()


@pytest.fixture
def connect(clients: ClientSocket) -> Iterator[Callable[[], Peer]]:
    peers: list[Peer] = []

    def one() -> Peer:
        peers.append(Peer(find().client_socket, hello=False))
        return peers[-1]

    yield one
    for peer in peers:
        peer.close()


def events(clients: ClientSocket, count: int) -> list[FromClient | ClientGone]:
    found: list[FromClient | ClientGone] = []

    def enough() -> bool:
        found.extend(clients.departures())
        found.extend(clients.receive(64))
        return len(found) >= count

    wait_until(enough, f"{count} events")
    assert len(found) == count
    return found


def hello(clients: ClientSocket, peer: Peer) -> bytes:
    peer.send(Hello(protocol=1, version="0"))
    (event,) = events(clients, 1)
    assert isinstance(event, FromClient)
    assert isinstance(event.message, Hello)
    return event.route


def test_messages_come_with_their_route_and_answers_find_it(clients: ClientSocket, connect: Callable[[], Peer]) -> None:
    """Two clients are told apart."""
    one, two = connect(), connect()
    first, second = hello(clients, one), hello(clients, two)
    assert first != second
    assert clients.send(second, Result(id=ID)) is None
    assert clients.send(first, Error(id=ID, code="cancelled", message="No.")) is None
    assert isinstance(one.receive(), Error)
    assert isinstance(two.receive(), Result)


def test_a_client_that_leaves_is_noticed_by_its_descriptor(clients: ClientSocket, connect: Callable[[], Peer]) -> None:
    """A close without a word is reported once, and a later send fails without harm."""
    peer = connect()
    route = hello(clients, peer)
    peer.close()
    assert events(clients, 1) == [ClientGone(route)]
    # The monitor may tell before the socket itself has seen it.
    wait_until(lambda: clients.send(route, Ping()) == ClientGone(route), "its end")
    assert list(clients.departures()) == []


def test_a_client_that_left_before_it_was_read_is_heard_and_gone_once(
    clients: ClientSocket, connect: Callable[[], Peer]
) -> None:
    """Its message counts, which may be a shutdown; its end, which came before anybody knew it, is told once."""
    peer = connect()
    peer.send(Hello(protocol=1, version="0"))
    wait_until(clients.unread, "its message")
    peer.close()
    path = str(find().client_socket)
    wait_until(lambda: Path("/proc/net/unix").read_text().count(f"{path}\n") == 1, "the end of its connection")
    said, gone = clients.events({clients.socket, clients.monitor}, 0.0)
    assert isinstance(said, FromClient)
    assert gone == ClientGone(said.route)
    assert list(clients.events({clients.socket, clients.monitor}, 0.0)) == []


@pytest.mark.parametrize(("frames", "code", "answered"), [
    ([b""], "protocol_error", b""),
    ([b"GET / HTTP/1.1"], "protocol_error", b""),
    ([b"HSH2", b"\x80", b""], "protocol_error", b""),
    ([MAGIC, b"\xc1", b""], "protocol_error", b""),
    ([MAGIC, b"\x80"], "protocol_error", b""),
    ([MAGIC, b"\x80", b"", b""], "protocol_error", b""),
    ([b"", MAGIC, b"\x80", b""], "protocol_error", b""),
    ([MAGIC] * 1000, "protocol_error", b""),
    ([MAGIC, b"\x82\xa4type\xa3odd\xa2id\xc4\x10" + ID, b""], "unsupported", ID),
    ([MAGIC, b"\x82\xa4type\xa7request\xa2id\xc4\x10" + ID, b""], "protocol_error", ID),
    # The request that this is about goes on.
    ([MAGIC, b"\x82\xa4type\xa6credit\xa2id\xc4\x10" + ID, b""], "protocol_error", b""),
    ([MAGIC, b"\x81\xa4type\xa6result", b""], "unsupported", b""),
    ([MAGIC, b"x" * (MAX_HEADER + 1), b""], "too_large", b""),
    ([MAGIC, pack(Pong())[1], b"x" * (MAX_PAYLOAD + 1)], "too_large", b""),
])  # fmt: skip
def test_garbage_is_answered_and_is_no_event(
    clients: ClientSocket, connect: Callable[[], Peer], frames: list[bytes], code: str, answered: bytes
) -> None:
    """Its sender gets an error with its id, where there was one; its next message is handled all the same."""
    peer, other = connect(), connect()
    hello(clients, other)
    peer.socket.send_multipart(frames)
    peer.send(Pong())
    (event,) = events(clients, 1)
    assert isinstance(event, FromClient)
    assert event.message == Pong()
    error = peer.receive()
    assert isinstance(error, Error)
    assert (error.code, error.id, error.culprit) == (code, answered, "client")
    assert other.socket.poll(0) == 0


def test_a_frame_that_is_far_too_large_costs_its_sender_the_connection(
    clients: ClientSocket, connect: Callable[[], Peer]
) -> None:
    """libzmq cuts it off before it is in memory; that is a departure like any other."""
    peer = connect()
    route = hello(clients, peer)
    peer.socket.send_multipart([MAGIC, b"x" * (MAX_WIRE + 1), b""])
    assert events(clients, 1) == [ClientGone(route)]


def test_a_client_that_does_not_read_is_dropped_and_learns_it_when_it_does(
    clients: ClientSocket, connect: Callable[[], Peer]
) -> None:
    """A client whose queue is full is reported gone, slow, once; nothing further is sent to it, and nobody waits."""
    peer, other = connect(), connect()
    peer.socket.set(zmq.RCVHWM, 1)
    route, other_route = hello(clients, peer), hello(clients, other)
    big = Result(id=ID, payload=bytes(MAX_PAYLOAD))
    sent = 0
    while (gone := clients.send(route, big)) is None:
        sent += 1
        assert sent < 5000
    assert gone == ClientGone(route, slow=True)
    assert clients.send(route, big) is None
    assert clients.send(other_route, big) is None
    assert isinstance(other.receive(), Result)
    received = 0
    while peer.socket.poll(100):
        peer.socket.recv_multipart()
        received += 1
    assert received <= sent
    peer.send(Pong())
    wait_until(lambda: clients.socket.poll(0), "its message")
    assert list(clients.receive(64)) == []
    error = peer.receive()
    assert isinstance(error, Error)
    assert error.code == "slow_consumer"
    peer.close()
    wait_until(lambda: clients.monitor.poll(0), "its end")
    assert list(clients.departures()) == []


@pytest.mark.parametrize(("message", "arrives"), [
    (Result(id=ID, data={"text": "x" * MAX_HEADER}), True),
    (Error(id=ID, code="cancelled", message="x" * MAX_HEADER), True),
    (Ping(payload=bytes(MAX_PAYLOAD + 1)), False),
])  # fmt: skip
def test_an_answer_that_fits_into_no_frame_becomes_an_error(
    clients: ClientSocket, connect: Callable[[], Peer], message: Message, arrives: bool
) -> None:
    """Every request still ends; anything but an end is left out."""
    peer = connect()
    route = hello(clients, peer)
    assert clients.send(route, message) is None
    if arrives:
        error = peer.receive()
        assert isinstance(error, Error)
        assert (error.code, error.id) == ("too_large", ID)
    else:
        assert peer.socket.poll(50) == 0


def test_whoever_waits_when_we_leave_is_refused(clients: ClientSocket, connect: Callable[[], Peer]) -> None:
    """A request that will not be read is answered under its id; frames that came too late for an ended one are not."""
    peer = connect()
    hello(clients, peer)
    for message in (Cancel(id=OTHER), Credit(id=OTHER, chunks=4), Chunk(id=OTHER, seq=7), Yield(id=OTHER)):
        peer.send(message)
    peer.send(Control(id=ID, action="status"))
    wait_until(lambda: clients.socket.poll(0), "its message")
    # One turn of libzmq's thread may bring less than all.
    wait_until(lambda: clients.refuse(HushdError("shutting_down", "Bye.")) or peer.socket.poll(0), "the answer")
    error = peer.receive()
    assert isinstance(error, Error)
    assert (error.code, error.id) == ("shutting_down", ID)


def test_a_hundred_connections_leave_no_descriptor(clients: ClientSocket, connect: Callable[[], Peer]) -> None:
    """Descriptors and bookkeeping are given back as soon as a client has gone."""
    for round_ in range(11):
        peers = [connect() for _ in range(10)]
        routes = {hello(clients, peer) for peer in peers}
        for peer in peers:
            peer.close()
        assert {event.route for event in events(clients, 10)} == routes
        wait_until(lambda: clients.socket.poll(0) == 0, "quiet")
        if round_ == 0:
            before = len(os.listdir("/proc/self/fd"))
    wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before, "the last descriptors' end")
    assert clients._routes == clients._descriptors == {}
