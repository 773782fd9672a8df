"""Measures clients that flood: another client's waits beside each, and the supervisor's memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgpack
import zmq
from hushd import Client
from hushd.transport.call import new_id
from hushd_protocol import messages as m
from hushd_protocol.framing import pack
from hushd_protocol.limits import MAGIC, PROTOCOL
from hushd_protocol.system import paths

from ..peak import Peak
from ..stage import Row, mb
from .load import echo, one
from .zmtp import endless

FLOOD_S = 6.0
AFTER_S = 10.0
NEIGHBOURS = 5  # clients that flood at once


def floods(_: Namespace) -> Iterator[Row]:
    """Clients that flood in every way: another client's p99 beside them, the supervisor's size with and after them."""
    for name in FLOODS:
        yield from _flood(name)


def _flood(name: str) -> Iterator[Row]:
    with echo() as process, Client() as client:
        client.preload("stt/echo/1", "stt/echo/2")
        for _ in range(100):
            one(client, "stt/echo/1")
        peak = Peak(process)
        command = [sys.executable, "-m", "benches.supervision.floods", name]
        there = {**os.environ, "PYTHONPATH": os.pathsep.join((str(Path(__file__).parents[2]), *sys.path))}
        flooder = subprocess.Popen(command, env=there, cwd=Path(__file__).parents[2])
        times = []
        while flooder.poll() is None:
            began = time.perf_counter()
            one(client, "stt/echo/1")
            times.append((time.perf_counter() - began) * 1000)
            time.sleep(0.002)
        highest = peak.stop()
        time.sleep(AFTER_S)
        after = mb(process)[0]
    times.sort()
    p99 = times[int(len(times) * 0.99)]
    yield Row(f"floods: {name}, p99", p99, "ms", "<= 50", ok=p99 <= 50, note=f"{len(times)} jobs, max {times[-1]:.0f}")
    yield Row(f"floods: {name}, RSS with it", highest, "MB", "<= 150", ok=highest <= 150)
    yield Row(f"floods: {name}, RSS 10 s after", after, "MB", "<= 30", ok=after <= 30)


# --- in a process of their own ---------------------------------------------------------------------------------------


def _many(frames: list[bytes], *, read: bool = True, clients: int = NEIGHBOURS) -> None:
    """Several clients send the same message as fast as it goes, and read the answers, or do not."""
    context = zmq.Context()
    sockets = []
    for _ in range(clients):
        socket = context.socket(zmq.DEALER)
        socket.set(zmq.LINGER, 0)
        if not read:
            socket.set(zmq.RCVHWM, 1)
        socket.connect(f"ipc://{paths.find().client_socket}")
        socket.send_multipart(pack(m.Hello(protocol=PROTOCOL, version="flood")))
        sockets.append(socket)
    end = time.monotonic() + FLOOD_S
    while time.monotonic() < end:
        for socket in sockets:
            for _ in range(50):
                try:
                    socket.send_multipart(frames, zmq.NOBLOCK)
                except zmq.Again:
                    break
            while read and socket.poll(0):
                socket.recv_multipart()
    context.destroy(linger=0)


def _header(**fields: object) -> list[bytes]:
    return [
        MAGIC,
        msgpack.packb({"type": "request", "id": bytes(16), "worker": "stt/echo/2", "op": "echo"} | fields),
        b"",
    ]


def _control(action: str, *names: str) -> list[bytes]:
    return pack(m.Control(id=bytes(16), action=action, names=list(names)))


def _endless(frame: bytes) -> None:
    end = time.monotonic() + FLOOD_S
    while time.monotonic() < end:
        with suppress(OSError):
            endless(paths.find().client_socket, frame, end)
        time.sleep(0.2)


def _partials() -> list[bytes]:
    params = {"count": 1000, "text": "x" * 60_000}
    return pack(m.Request(id=new_id(), worker="stt/echo/2", op="echo", params=params))


FLOODS: dict[str, Callable[[], None]] = {
    "garbage": lambda: _many([b""]),
    "pongs": lambda: _many(pack(m.Pong())),
    "payloads of 64 KiB": lambda: _many([MAGIC, pack(m.Chunk(id=bytes(16), seq=1))[1], bytes(65536)]),
    "nested headers": lambda: _many(_header(params={"a": [[]] * 65_000})),
    "headers of one list": lambda: _many(_header(params={"a": [0] * 65_000})),
    "status": lambda: _many(_control("status")),
    "describe": lambda: _many(_control("describe")),
    "unload": lambda: _many(_control("unload", "stt/echo/2")),
    "status, never read": lambda: _many(_control("status"), read=False),
    "answers of 60 kB, never read": lambda: _many(_partials(), read=False),
    "a message of endless frames": lambda: _endless(bytes(65536)),
    "a message of endless empty frames": lambda: _endless(b""),
}

if __name__ == "__main__":
    FLOODS[sys.argv[1]]()
