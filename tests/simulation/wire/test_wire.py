"""The simulated ZeroMQ does what hushd's parts rely on."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq as real
from simulation.wire.alone import Alone
from simulation.wire.network import Network


class World:
    """Two processes: a ROUTER in the first, DEALERs in the second."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.kernel = Alone(seed)
        self.network = Network(self.kernel)
        self.zmq = self.network.module()
        self.endpoint = f"ipc://{folder}/router"
        self.router = self.zmq.Context().socket(real.ROUTER)
        self.router.setsockopt(real.ROUTER_MANDATORY, 1)
        self.monitor = self.router.get_monitor_socket()
        self.router.bind(self.endpoint)
        self.kernel.pid = 2
        self.context = self.zmq.Context()

    def dealer(self) -> Any:
        dealer = self.context.socket(real.DEALER)
        dealer.connect(self.endpoint)
        return dealer

    def events(self) -> list[str]:
        """The events of the ROUTER's monitor."""
        names = []
        while self.monitor.poll(0):
            number, _ = struct.unpack("=Hi", self.monitor.recv_multipart()[0])
            names.append(real.Event(number).name or "")
        return names


@pytest.fixture(params=[*range(3), *(pytest.param(seed, marks=pytest.mark.night) for seed in range(3, 10))])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = World(request.param, tmp_path)
    yield made
    made.network.close()
    assert not made.kernel.aborted


def test_messages_arrive_whole_and_in_order(world: World) -> None:
    """Both ways, of any size."""
    dealer = world.dealer()
    for number in range(50):
        dealer.send_multipart([bytes([number]), b"", bytes(number * 1000)])
    for number in range(50):
        route, *frames = world.router.recv_multipart()
        assert frames == [bytes([number]), b"", bytes(number * 1000)]
        world.router.send_multipart([route, *frames])
    assert [dealer.recv_multipart()[0] for _ in range(50)] == [bytes([number]) for number in range(50)]


def test_messages_outlive_the_process_that_sent_them(world: World) -> None:
    """All that its kernel has taken is read before the end is noticed, and a message to it then is refused."""
    world.dealer().send_multipart([b"last"])
    world.kernel.settle()
    world.network.died(2)
    route, last = world.router.recv_multipart()
    assert last == b"last"
    world.kernel.settle()
    assert world.events()[-1] == "DISCONNECTED"
    for _ in range(3):
        world.router.poll(0)
        world.kernel.settle()
    with pytest.raises(world.zmq.ZMQError) as caught:
        world.router.send_multipart([route, b""])
    assert caught.value.errno == real.EHOSTUNREACH
