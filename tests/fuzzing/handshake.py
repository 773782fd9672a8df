"""The bytes below the messages: ZMTP's greeting, its handshake and its frames, right, nearly right, and cut off."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from hushd_protocol import messages as m
from hushd_protocol.framing import pack
from hushd_protocol.limits import PROTOCOL

from . import wire
from .mutate import Feed, damaged
from .sockets import LOOK, House

_MORE, _LONG, _COMMAND = 1, 2, 4
_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)


def frame(body: bytes, flags: int = 0) -> bytes:
    if len(body) > 255 or flags & _LONG:
        return struct.pack(">BQ", flags | _LONG, len(body)) + body
    return struct.pack(">BB", flags, len(body)) + body


def _property(name: bytes, value: bytes) -> bytes:
    return bytes([len(name) & 255]) + name + struct.pack(">I", len(value)) + value


def _ready(rng: Random) -> bytes:
    """The command READY; now and then another, or with properties that libzmq does not expect."""
    kind = rng.choice((b"DEALER", b"DEALER", b"DEALER", b"REQ", b"ROUTER", b"PUB", b"SUB", b"", b"x" * 300))
    body = _property(b"Socket-Type", kind)
    for _ in range(rng.choice((0, 0, 1, 1, 3, 40))):
        name = rng.choice((b"Identity", b"Resource", b"X-A", b"", b"Socket-Type", b"Ping"))
        body += _property(
            name, rng.choice((b"", b"\0", b"\0\0\0\0\1", b"a", rng.randbytes(5), b"x" * 255, b"x" * 70_000))
        )
    name = rng.choice((b"READY",) * 6 + (b"ERROR", b"HELLO", b"PING", b"SUBSCRIBE", b"", b"x" * 255))
    return frame(bytes([len(name)]) + name + body, _COMMAND)


def _talk(rng: Random) -> bytes:
    """Frames behind a handshake: messages, commands, and lengths that nobody has."""
    data = b""
    for _ in range(rng.choice((0, 1, 2, 5))):
        match rng.randrange(6):
            case 0:
                data += struct.pack(">BQ", rng.choice((2, 3, 6, 7)), rng.choice((2**63, 2**64 - 1, 2**31, 10**7)))
            case 1:
                data += frame(bytes([4]) + b"PING" + b"\0\1" + rng.randbytes(rng.choice((0, 16, 17))), _COMMAND)
            case 2:
                data += frame(b"", _MORE) * rng.choice((1, 50))
            case _:
                parts = rng.choice((pack(m.Hello(protocol=PROTOCOL, version="fuzz")), None))
                parts = parts or wire.frames(rng, wire.message(rng, m.FROM_CLIENT), harm=0.5)
                data += b"".join(frame(part, _MORE) for part in parts[:-1]) + frame(parts[-1])
    return data


@contextmanager
def handshakes(folder: Path) -> Iterator[Feed]:
    """Connections to both sockets: an input is all that one of them sends before it leaves."""
    with House(folder) as house:
        count = 0

        def feed(rng: Random) -> None:
            nonlocal count
            data = _GREETING + _ready(rng) + _talk(rng)
            if rng.random() < 0.5:
                data = damaged(rng, data)
            with socket.socket(socket.AF_UNIX) as connection, suppress(ConnectionError, TimeoutError):
                connection.settimeout(2)
                connection.connect(str(house.run / rng.choice(("client.sock", "worker.sock"))))
                step = rng.choice((len(data), len(data), 64, 1 + len(data) // 3)) or 1
                for start in range(0, len(data), step):
                    connection.sendall(data[start : start + step])
                if rng.random() < 0.3:
                    connection.recv(4096)
            count += 1
            if count % LOOK == 0:
                house.check()

        yield feed
        house.check()
