"""Measures the door: the delay of a request through it."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
from hushd import Client

from ..stage import Row, port, supervisor

CONFIG = '[http]\nlisten = ["127.0.0.1:0"]\n'
NOWHERE = "/v1/none"  # which the application answers by itself
ROUNDS = 300
FIRSTS = 7
# uvicorn with the smallest application, at a port of its own.
BARE = """
import socket, uvicorn
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
end = socket.create_server(("127.0.0.1", 0))
print(end.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, http="h11", log_level="critical", lifespan="off")).run([end])
"""


def door(_: Namespace) -> Iterator[Row]:
    """A request on a new connection through the door, against uvicorn that listens itself; and the first of all."""
    with supervisor('gateway_idle = "0.1s"\n' + CONFIG), Client() as client:
        web = port(client)
        firsts = []
        for _ in range(FIRSTS):
            _fetch(web, "/v1/models")  # the engines are listed, and nothing else runs
            while client.status().door.gateway.pid:
                time.sleep(0.05)
            firsts.append(_timed(lambda: _fetch(web, NOWHERE)))
        first = statistics.median(firsts)
    with supervisor(CONFIG) as process, Client() as client:
        web = port(client)
        if b" 404 " not in _fetch(web, NOWHERE):
            yield Row("door: a request", None, "ms", note="not measured: the gateway did not answer")
            return
        with _program(BARE) as straight:
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(_timed(lambda: _fetch(web, NOWHERE)))
                theirs.append(_timed(lambda: _fetch(straight, NOWHERE)))
        gateway = psutil.Process(client.status().door.gateway.pid).memory_info().rss / 1e6
        floor = psutil.Process(process.pid).memory_info().rss / 1e6
    yield Row("door: first request to an absent gateway", first, "s", "<= 0.3", ok=first <= 0.3)
    value, rival = (statistics.median(column) * 1000 for column in (ours, theirs))
    yield Row("door: a request", value, "ms", "+ 1 ms", rival, value <= rival + 1, "floor: uvicorn listens itself")
    yield Row("door: the gateway's RSS", gateway, "MB", note=f"supervisor {floor:.1f} MB")


@contextmanager
def _program(code: str) -> Iterator[int]:
    """The port of a program that prints it."""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _fetch(number: int, path: str) -> bytes:
    """The answer to a GET on a connection of its own."""
    with socket.create_connection(("127.0.0.1", number)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        found = b""
        while part := connection.recv(65536):
            found += part
        return found
