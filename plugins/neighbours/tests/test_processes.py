"""A server on this machine, known by its port: its process, its memory and its last use, by the kernel."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress

import pytest
from hushd_neighbours import kinds, processes
from hushd_neighbours.holding import Holding
from hushd_neighbours.server import Server
from support.peer import wait_until

from . import shapes
from .scripted import scripted

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
HOLDER = """
import sys
held = bytearray(64 << 20)
held[::4096] = b"x" * (len(held) // 4096)
print("holds", flush=True)
sys.stdin.read()
"""


def rested() -> socket.socket:
    """Listens at a port that no connection had in the last minute: the kernel hands out those above 32,767."""
    while True:
        with suppress(OSError):  # somebody listens there
            return socket.create_server(("127.0.0.1", random.randrange(20_000, 30_000)))


@pytest.fixture
def holder() -> Iterator[tuple[int, int]]:
    """A process that listens and holds 64 MB: its pid and its port."""
    with rested() as listening:
        port, at = listening.getsockname()[1], listening.fileno()
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(at,)
        )
    with process:
        assert process.stdout
        process.stdout.readline()
        yield process.pid, port
        process.kill()


def test_a_server_is_known_by_its_port_and_its_memory_by_the_kernel(holder: tuple[int, int]) -> None:
    """Private pages count; those of mapped files do not, since the kernel drops them when it needs to."""
    pid, port = holder
    assert processes.listener(port) == pid
    assert 64 << 20 <= processes.memory(pid) < 128 << 20


def test_nobody_who_listens_is_nobody() -> None:
    """Nor is one who has a connection to the port, or another port with the same last digits."""
    with rested() as listening:
        port = listening.getsockname()[1]
    assert processes.listener(port) == 0
    assert processes.idle_s(port) is None


def test_another_users_server_is_known_by_its_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sockets may not be read; a command line names the port as a word, or behind `=`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        command = [sys.executable, "-c", "import sys; sys.stdin.read()", f"--port={port}"]
        hidden = [each._replace(pid=None) for each in processes.psutil.net_connections("tcp")]
        monkeypatch.setattr(processes.psutil, "net_connections", lambda _: hidden)
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            # Its words are there a moment after it has begun.
            assert wait_until(lambda: processes.listener(port)) == process.pid
            process.kill()


def test_a_servers_last_use_is_the_end_of_its_last_connection() -> None:
    """The kernel remembers that for a minute; an open connection is use, and none at all is a minute's rest."""
    with rested() as listening:
        port = listening.getsockname()[1]
        assert processes.idle_s(port) == processes.REMEMBERED_S
        with socket.create_connection(("127.0.0.1", port)) as asking:
            served, _ = listening.accept()
            assert processes.idle_s(port) == 0
            served.shutdown(socket.SHUT_WR)
            assert asking.recv(1) == b""
            asking.close()
            assert served.recv(1) == b""
            served.close()
        idle_s = processes.idle_s(port)
        assert idle_s is not None
        assert 0 <= idle_s < processes.REMEMBERED_S


class _Driver:
    """A card's driver that knows two processes; a second card sleeps, and a third has fallen off the bus."""

    def ids(self) -> list[str]:
        return ["0000:65:00.0", "0000:66:00.0", "0000:67:00.0"]

    def asleep(self, id: str) -> bool:
        return id == "0000:66:00.0"

    def processes(self, id: str) -> Mapping[int, int]:
        assert not self.asleep(id)
        if id == "0000:67:00.0":
            raise OSError
        return {os.getpid(): 5_000, 1: 7_000}


def test_a_servers_part_of_each_card_is_the_drivers_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of other processes nothing counts; a card that sleeps is not woken, and one that fails has no figure."""
    monkeypatch.setattr("hushd_worker.card.default", _Driver)
    assert processes.on_cards(os.getpid()) == {"0000:65:00.0": 5_000}


def test_a_routers_model_has_the_memory_and_the_last_use_of_its_own_process(holder: tuple[int, int]) -> None:
    """Found by the port in its arguments."""
    pid, port = holder
    with scripted({"GET /models": shapes.router(port, a="loaded")}) as server:
        [holding] = kinds.look(Server(server.url, "", threading.TIMEOUT_MAX), "llama-server")
        assert [asked for asked, _ in server.asked] == ["GET /models"]
    assert (holding.idle_s, holding.in_use) == (processes.REMEMBERED_S, False)
    assert holding.ram == pytest.approx(processes.memory(pid), rel=0.2)


def test_nothing_of_this_machine_is_said_of_a_server_elsewhere(holder: tuple[int, int]) -> None:
    """A port there is another one than here."""
    server = Server("http://192.0.2.7:8080", "", threading.TIMEOUT_MAX)
    from hushd_neighbours.kinds import measured, of_program

    assert measured(server, holder[1]) == Holding("")
    assert of_program(server, "a", holder[1]) == Holding("a")
