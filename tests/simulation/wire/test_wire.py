"""The simulated ZeroMQ keeps the promises that hushd's parts rely on, and so does the real one."""

from __future__ import annotations

import heapq
import random
import select
import socket
import struct
from collections.abc import Callable, Collection, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import zmq as real
from simulation.wire.network import Network

PATIENCE_MS = 5000


class Alone:
    """A machine with one task, the caller: time passes while it waits."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._now, self._order = 1000.0, count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._looks: list[Callable[[], None]] = []

    def now(self) -> float:
        return self._now

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self._now + seconds, next(self._order), call))

    def idle(self, look: Callable[[], None]) -> None:
        self._looks.append(look)

    def wake(self, source: object) -> None:
        """Does nothing: whoever waits is asked after every step."""

    def process(self) -> int:
        return 1

    def readable(self, descriptor: int) -> bool:
        return bool(select.select([descriptor], [], [], 0)[0])

    def wait(self, ready: Callable[[], bool], seconds: float | None, sources: Collection[object] = ()) -> bool:
        end = self._now + (60.0 if seconds is None else seconds)
        while not ready() and self._now < end:
            for look in self._looks:
                look()
            due, _, call = heapq.heappop(self._due) if self._due else (end, 0, lambda: None)
            self._now = max(self._now, min(due, end))
            call()
        return ready()


class House:
    """A ROUTER with a monitor, and DEALERs."""

    def __init__(self, zmq: Any, folder: Path, unread: int = 1000) -> None:
        self._zmq = zmq
        self.context = zmq.Context()
        self._place = f"ipc://{folder}/router"
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(f"{folder}/router")
        listening.listen(10)
        self.router = self.context.socket(zmq.ROUTER)
        options = {zmq.ROUTER_MANDATORY: 1, zmq.RCVHWM: unread, zmq.SNDHWM: 10, zmq.USE_FD: listening.detach()}
        for option, value in options.items():
            self.router.setsockopt(option, value)
        self.monitor = self.router.get_monitor_socket(zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        self.router.bind(self._place)
        self._sockets = [self.monitor, self.router]

    def dealer(self) -> Any:
        dealer = self.context.socket(self._zmq.DEALER)
        dealer.setsockopt(self._zmq.SNDHWM, 10)
        dealer.connect(self._place)
        self._sockets.append(dealer)
        return dealer

    def event(self) -> tuple[int, int]:
        """The next event of the monitor, and its value."""
        assert self.monitor.poll(PATIENCE_MS)
        number, value = struct.unpack("=Hi", self.monitor.recv_multipart()[0])
        return number, value

    def close(self) -> None:
        self.router.disable_monitor()
        for each in self._sockets:
            each.close(0)
        self.context.term()


@pytest.fixture(params=["real", 0, 1, 2])
def zmq(request: pytest.FixtureRequest) -> Any:
    return real if request.param == "real" else Network(Alone(request.param)).module()  # type: ignore[arg-type]


@pytest.fixture
def house(zmq: Any, tmp_path: Path) -> Iterator[House]:
    made = House(zmq, tmp_path)
    yield made
    made.close()


def test_messages_arrive_whole_and_in_order(house: House) -> None:
    """Both ways, of any size; a full queue is waited for."""
    dealer = house.dealer()
    for number in range(30):
        dealer.send_multipart([bytes([number]), b"", bytes(number * 3000)])
        assert house.router.poll(PATIENCE_MS)
        route, *frames = house.router.recv_multipart()
        assert frames == [bytes([number]), b"", bytes(number * 3000)]
        house.router.send_multipart([route, *frames])
    for number in range(30):
        assert dealer.poll(PATIENCE_MS)
        assert dealer.recv_multipart()[0] == bytes([number])


def test_a_connection_is_known_by_its_descriptor_and_a_number_that_counts_upwards(house: House, zmq: Any) -> None:
    """The monitor tells of it before its first message is there, whose frames name the same descriptor."""
    numbers = []
    for _ in range(3):
        house.dealer().send(b"hello")
        event, descriptor = house.event()
        assert house.router.poll(PATIENCE_MS)
        assert event == zmq.EVENT_ACCEPTED
        first = house.router.recv(copy=False)
        assert first.get(zmq.SRCFD) == descriptor
        assert house.router.recv() == b"hello"
        numbers.append(int.from_bytes(first.bytes[1:]))
    assert [(number - numbers[0]) % 2**32 for number in numbers] == [0, 1, 2]


def test_messages_outlive_who_sent_them(house: House, zmq: Any) -> None:
    """All that its kernel has taken is read, the end is told, and a message to it then is refused."""
    dealer = house.dealer()
    dealer.send(b"last")
    house.event()
    dealer.close(1000)
    assert house.event()[0] == zmq.EVENT_DISCONNECTED
    route, last = house.router.recv_multipart()
    assert last == b"last"
    house.router.poll(50)
    with pytest.raises(zmq.ZMQError) as caught:
        house.router.send_multipart([route, b""], zmq.NOBLOCK)
    assert caught.value.errno == real.EHOSTUNREACH


def fill(router: Any, route: bytes, zmq: Any) -> None:
    for _ in range(10_000):
        router.send_multipart([route, bytes(100_000)], zmq.NOBLOCK)


def test_who_does_not_read_is_sent_so_many_messages(house: House, zmq: Any) -> None:
    """A sender that does not wait is told so, and goes on once somebody has read."""
    dealer = house.dealer()
    dealer.send(b"hello")
    assert house.router.poll(PATIENCE_MS)
    route, _ = house.router.recv_multipart()
    with pytest.raises(zmq.Again):
        fill(house.router, route, zmq)
    while dealer.poll(50):
        dealer.recv()
    house.router.send_multipart([route, b"again"], zmq.NOBLOCK)
    assert dealer.poll(PATIENCE_MS)
