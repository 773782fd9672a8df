"""Speaks ZeroMQ's wire protocol by hand, to send a message without a last frame, which its library never does."""

from __future__ import annotations

import socket
import sys
import time
from io import RawIOBase
from pathlib import Path

_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
_READY = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
_MORE, _MORE_LONG = b"\x01", b"\x03"
_BATCH = 16_000  # bytes of one write, at least a frame


def connect(path: Path) -> socket.socket:
    """Connects as a DEALER does, up to its first message: what comes before the peer's READY would not be a message."""
    raw = socket.socket(socket.AF_UNIX)
    raw.settimeout(1.0)
    raw.connect(str(path))
    raw.sendall(_GREETING + bytes((4, len(_READY))) + _READY)
    with raw.makefile("rb", buffering=0) as answer:
        _, length = _exactly(answer, len(_GREETING) + 2)[-2:]
        _exactly(answer, length)
    return raw


def _exactly(answer: RawIOBase, count: int) -> bytes:
    """Reads `count` bytes."""
    read = b""
    while len(read) < count:
        piece = answer.read(count - len(read))
        if not piece:
            raise ConnectionError("the peer has ended the connection")
        read += piece
    return read


def frame(data: bytes) -> bytes:
    """A frame that is not the last one of its message."""
    if len(data) < 256:
        return _MORE + bytes((len(data),)) + data
    return _MORE_LONG + len(data).to_bytes(8, "big") + data


def whole(frames: list[bytes]) -> bytes:
    """The bytes of a message of `frames`, of which the last has less than 256."""
    *first, last = frames
    return b"".join(map(frame, first)) + bytes((0, len(last))) + last


def endless(path: Path, data: bytes, until: float) -> int:
    """Sends a message of frames `data` until the peer ends the connection, or `until`; returns the bytes sent."""
    one = frame(data)
    batch = one * max(1, _BATCH // len(one))
    sent = 0
    with connect(path) as raw:
        try:
            while time.monotonic() < until:
                raw.sendall(batch)
                sent += len(batch)
        except OSError:
            pass  # we were ended
    return sent


if __name__ == "__main__":  # PATH, bytes of a frame, seconds
    print(endless(Path(sys.argv[1]), bytes(int(sys.argv[2])), time.monotonic() + float(sys.argv[3])))
