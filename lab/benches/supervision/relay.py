"""Measures the round trip through the supervisor to a warm worker, against a bare relay."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

import zmq
from hushd import Client
from hushd.transport.call import new_id
from hushd.transport.connection import Connection
from hushd_protocol import messages as m
from hushd_protocol.codec import Decoder
from hushd_protocol.framing import pack, unpack
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.system import paths

from ..stage import Row, supervisor

ROUNDS = 3000

ECHO = """
from hushd_schema.capabilities import Capabilities
from hushd_worker.harness import serve
class Echo:
    slots = 1
    def load(self, report): return Capabilities()
    def run(self, job): return job.params
serve(Echo())
"""

# A ROUTER to each side and nothing between; its worker is a DEALER that sends back what it gets.
BARE_RELAY = """
import sys, zmq
context = zmq.Context()
front, back = context.socket(zmq.ROUTER), context.socket(zmq.ROUTER)
front.bind(sys.argv[1]); back.bind(sys.argv[2])
worker = back.recv_multipart()[0]
poller = zmq.Poller()
poller.register(front, zmq.POLLIN); poller.register(back, zmq.POLLIN)
while True:
    for socket, _ in poller.poll():
        frames = socket.recv_multipart()
        if socket is front: back.send_multipart([worker, *frames])
        else: front.send_multipart(frames[1:])
"""

BARE_WORKER = """
import sys, zmq
socket = zmq.Context().socket(zmq.DEALER)
socket.connect(sys.argv[1])
socket.send(b"here")
while True: socket.send_multipart(socket.recv_multipart())
"""


def relay(_: Namespace) -> Iterator[Row]:
    """Round trip to a warm echo worker: p50 and p99 through the supervisor, and by `Client`."""
    request = m.Request(id=bytes(16), worker="stt/echo/1", op="echo", params={"n": 1})
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        script = Path(folder) / "echo.py"
        script.write_text(ECHO)
        config = f'[worker."stt/echo"]\ncommand = ["{sys.executable}", "{script}"]\nkeep_alive = -1\n'
        with supervisor(config), Client() as client:
            client.preload("stt/echo/1")
            socket, decoder = connect(f"ipc://{paths.find().client_socket}"), Decoder(m.TO_CLIENT)
            socket.send_multipart(pack(m.Hello(protocol=PROTOCOL, version="bench")))
            socket.recv_multipart()

            def ask(number: int) -> None:
                socket.send_multipart(pack(m.Request(**{**_fields(request), "id": number.to_bytes(16, "big")})))
                while not isinstance(unpack(socket.recv_multipart(), decoder), m.Result):
                    pass

            bare = connect(f"ipc://{folder}/front")
            programs = [
                subprocess.Popen([sys.executable, "-c", BARE_RELAY, f"ipc://{folder}/front", f"ipc://{folder}/back"]),
                subprocess.Popen([sys.executable, "-c", BARE_WORKER, f"ipc://{folder}/back"]),
            ]
            frames = pack(request)

            def ask_bare(_: int) -> None:
                bare.send_multipart(frames)
                bare.recv_multipart()

            connection = Connection(paths.find().client_socket)

            def ask_client(_: int) -> None:
                connection.start(m.Request(**{**_fields(request), "id": new_id()})).result()

            try:
                ours, floors, clients = in_turn(ask, ask_bare, ask_client)
            finally:
                for program in programs:
                    program.kill()
                    program.wait()
                connection.close()
                socket.close(0)
                bare.close(0)
    p50, p50_bare = statistics.median(ours), statistics.median(floors)
    yield Row("relay: p50", p50, "us", "<= 2 x", p50_bare, p50 <= 2 * p50_bare, "floor: ROUTER to DEALER, bare")
    yield Row("relay: p99", statistics.quantiles(ours, n=100)[98], "us", "", statistics.quantiles(floors, n=100)[98])
    yield Row("relay: p50 by Client", statistics.median(clients), "us", "", p50_bare)


def _fields(request: m.Request) -> dict[str, object]:
    return {"worker": request.worker, "op": request.op, "params": request.params, "credit": 8}


def connect(endpoint: str) -> zmq.Socket[bytes]:
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.connect(endpoint)
    return socket


def in_turn(*ways: Callable[[int], None]) -> list[list[float]]:
    """Microseconds of each way, in turn by hundreds so that a noisy moment hits all."""
    times: list[list[float]] = [[] for _ in ways]
    for start in range(0, ROUNDS, 100):
        for way, taken in zip(ways, times, strict=True):
            for number in range(start + 1, start + 101):
                began = time.perf_counter()
                way(number)
                taken.append((time.perf_counter() - began) * 1e6)
    return times
