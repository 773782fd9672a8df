"""The TCP address for other machines: CURVE's handshake right, nearly right and cut off, without a key that is allowed.

No input is ever answered by a message. A program of this machine is served all along.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import zmq
from hushd_protocol import messages as m
from hushd_protocol.endpoint import read_key
from hushd_protocol.framing import pack
from hushd_protocol.limits import ID_BYTES, PROTOCOL

from .handshake import frame
from .mutate import Feed, damaged
from .sockets import LOOK, House

_LISTEN = '[remote]\nlisten = "tcp+curve://127.0.0.1:0"\n'
_COMMAND = 4
_SIZES = {b"HELLO": 194, b"INITIATE": 257, b"WELCOME": 160, b"READY": 30, b"MESSAGE": 33, b"ERROR": 1}


def _command(rng: Random) -> bytes:
    """A command of CURVE, of its right size or another, with random boxes."""
    name = rng.choice(list(_SIZES))
    size = _SIZES[name] if rng.random() < 0.7 else rng.choice((0, 1, 32, 199, 1000, 70_000))
    version = rng.choice((b"\1\0", b"\1\0", b"\0\0", b"\2\0")) if name == b"HELLO" else b""
    return frame(bytes([len(name)]) + name + version + rng.randbytes(max(0, size - len(version))), _COMMAND)


def _bytes(rng: Random) -> bytes:
    mechanism = rng.choice((b"CURVE",) * 5 + (b"NULL", b"PLAIN", b"GSSAPI", b"curve", b""))
    greeting = b"\xff" + bytes(8) + b"\x7f" + struct.pack(">BB", 3, rng.choice((0, 1, 9))) + mechanism.ljust(20, b"\0")
    data = greeting + bytes(32) + b"".join(_command(rng) for _ in range(rng.choice((0, 1, 1, 2, 5))))
    data += b"".join(frame(part, 1) for part in pack(m.Hello(protocol=PROTOCOL, version="fuzz"))) * rng.choice((0, 1))
    return damaged(rng, data) if rng.random() < 0.4 else data


@contextmanager
def remote(folder: Path) -> Iterator[Feed]:
    """Strangers that send any bytes, and, one in eight, take part in the handshake with a key of their own."""
    with House(folder, tables=_LISTEN) as house:
        there = house.ask(m.Control(id=bytes(ID_BYTES), action="status"))["remote"]
        port, key = int(there["address"].rpartition(":")[2]), read_key(there["key"])
        count = 0

        def feed(rng: Random) -> None:
            nonlocal count
            if rng.random() < 0.125:
                _come(house.context, port, key, rng)
            else:
                _throw(port, _bytes(rng), rng)
            count += 1
            if count % LOOK == 0:
                house.check()

        yield feed
        house.check()
        assert house.ask(m.Control(id=bytes(ID_BYTES), action="status"))["remote"]["machines"] == {}


def _throw(port: int, data: bytes, rng: Random) -> None:
    with suppress(ConnectionError, TimeoutError), socket.create_connection(("127.0.0.1", port), 2) as connection:
        step = rng.choice((len(data), len(data), 64, 1 + len(data) // 3)) or 1
        for start in range(0, len(data), step):
            connection.sendall(data[start : start + step])


def _come(context: zmq.Context[zmq.Socket[bytes]], port: int, server: bytes, rng: Random) -> None:
    """A whole handshake with a key that nobody allows; it must end with 400, and bring no message."""
    dealer = context.socket(zmq.DEALER)
    public, secret = zmq.curve_keypair()
    dealer.set(zmq.LINGER, 0)
    dealer.set(zmq.CURVE_SERVERKEY, server)
    dealer.set(zmq.CURVE_PUBLICKEY, public)
    dealer.set(zmq.CURVE_SECRETKEY, secret)
    dealer.set(zmq.RECONNECT_IVL, -1)
    if rng.random() < 0.5:
        dealer.set(zmq.ROUTING_ID, rng.choice((b"laptop", b"\0abcd", b"@", b"x" * 255)))
    monitor = dealer.get_monitor_socket(
        zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
    )
    dealer.connect(f"tcp://127.0.0.1:{port}")
    with suppress(zmq.Again):  # it is refused already
        dealer.send_multipart(pack(m.Hello(protocol=PROTOCOL, version="fuzz")), zmq.NOBLOCK)
    try:
        assert monitor.poll(30_000), "a handshake has no end"
        event, _ = monitor.recv_multipart()
        assert struct.unpack("=H", event[:2])[0] != zmq.EVENT_HANDSHAKE_SUCCEEDED, "a stranger's key was served"
        assert not dealer.poll(0), "a stranger was answered"
    finally:
        dealer.disable_monitor()
        monitor.close(linger=0)
        dealer.close(linger=0)
