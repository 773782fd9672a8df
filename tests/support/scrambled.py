"""Bytes that often come close to a request of HTTP or an event of Wyoming."""

from __future__ import annotations

import random

from hushd_supervisor.core.serving.door import PREFIX

PIECES = [
    b"GET ", b"HEAD ", b"POST ", b"get ", b"/health", b"/metrics", b"/v1/models", b"/v1/audio/voices", b"/",
    b" HTTP/1.1", b" HTTP/1.0", b" HTTP/2.0", b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"Host: localhost", b"host:[::1]",
    b"Host: evil.example", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Connection: close", b": ", b" ",
    b"Upgrade: websocket", b"\x00", b"\xff\xfe", b"Authorization: Bearer x", b"x" * 500, b"{", b"}", b'"type"',
    b'"describe"', b":", b",", b"[" * 600, b'"data_length"', b"1e999", b"NaN", b"9" * 600,
    b'{"type": "describe"}\n', b'{"type": "describe", "data_length": 3}\n',
    b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: nas\r\nA: b\r\n\r\n",
]  # fmt: skip


def scramble(chance: random.Random) -> bytes:
    """Bytes that often come close to a request or an event."""
    data = bytearray(b"".join(chance.choice(PIECES) for _ in range(chance.randint(0, 12))))
    for _ in range(chance.choice((0, 0, 1, 3))):
        place = chance.randrange(len(data) + 1)
        data[place : place + chance.choice((0, 0, 1, 5))] = chance.randbytes(chance.choice((0, 1, 2)))
    return bytes(data[:PREFIX])
