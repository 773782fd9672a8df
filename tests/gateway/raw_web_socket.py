"""A WebSocket whose frames are made by hand, as a rude program sends them."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

from support.peer import BOUND_S

TEXT, PING = 1, 9


def frame(opcode: int, data: bytes, *, compressed: bool = False) -> bytes:
    first = opcode | 0x80 | (0x40 if compressed else 0)
    if len(data) < 126:
        head = struct.pack("!BB", first, 0x80 | len(data))
    elif len(data) < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, len(data))
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, len(data))
    return head + bytes(4) + data


class RawWebSocket:
    """A connection after its upgrade; a context manager. `head` is the answer to the upgrade."""

    def __init__(self, port: int, path: str = "/v1/realtime?intent=transcription", *headers: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=BOUND_S)
        lines = [
            f"GET {path} HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", *headers, "", "",
        ]  # fmt: skip
        self.socket.sendall("\r\n".join(lines).encode())
        self._received = b""
        while b"\r\n\r\n" not in self._received:
            self._more()
        self.head, _, self._received = self._received.partition(b"\r\n\r\n")

    def __enter__(self) -> RawWebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, event: Any) -> None:
        self.socket.sendall(frame(TEXT, json.dumps(event).encode()))

    def receive(self) -> tuple[int, bytes]:
        first, size = self._take(2)
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        return first & 0x0F, self._take(size)

    def event(self, kind: str = "") -> dict[str, Any]:
        while True:
            opcode, data = self.receive()
            if opcode == PING:
                continue
            assert opcode == TEXT, (opcode, data)
            event: dict[str, Any] = json.loads(data)
            if kind in ("", event["type"]):
                return event

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            self._more()
        data, self._received = self._received[:size], self._received[size:]
        return data

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the connection has ended")
        self._received += data
