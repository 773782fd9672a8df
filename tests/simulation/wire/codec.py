"""ZMTP 3: the bytes of greetings, commands and frames, read and written in the portions in which libzmq does."""

from __future__ import annotations

import struct

BATCH = 8192  # bytes that are read or written at once, unless a frame is larger
SIGNATURE = b"\xff" + bytes(7) + b"\x01\x7f"
GREETING = 64
MORE, LARGE, COMMAND = 1, 2, 4


class TooLarge(Exception):
    """A frame is larger than MAXMSGSIZE."""


def greeting(mechanism: str) -> bytes:
    """Returns the bytes after the signature."""
    return b"\x03\x01" + mechanism.encode().ljust(20, b"\0") + bytes(32)


def command(name: str, body: bytes) -> bytes:
    """The body of a command's frame."""
    return bytes([len(name)]) + name.encode() + body


def properties(values: dict[str, bytes]) -> bytes:
    """The metadata of a READY or INITIATE."""
    return b"".join(
        bytes([len(name)]) + name.encode() + struct.pack(">I", len(value)) + value for name, value in values.items()
    )


def read_properties(data: bytes) -> dict[str, bytes]:
    """Raises ValueError for anything else."""
    values, place = {}, 0
    while place < len(data):
        size = data[place]
        name = data[place + 1 : place + 1 + size]
        place += 1 + size
        if place + 4 > len(data):
            raise ValueError(data)
        (length,) = struct.unpack_from(">I", data, place)
        place += 4 + length
        if place > len(data):
            raise ValueError(data)
        values[name.decode("latin-1")] = data[place - length : place]
    return values


class Encoder:
    """Frames to bytes, in batches: a frame is loaded while there is room in one, and its rest waits for the next."""

    def __init__(self) -> None:
        self._rest = b""

    def load(self, batch: bytearray, flags: int, data: bytes) -> None:
        """Adds a frame to a batch that is not full."""
        size = len(data)
        if size > 255:
            batch += struct.pack(">BQ", flags | LARGE, size)
        else:
            batch += bytes((flags, size))
        if len(batch) + size <= BATCH:
            batch += data
        else:
            room = max(0, BATCH - len(batch))
            batch += data[:room]
            self._rest = data[room:]

    def begin(self) -> bytearray:
        """Returns a new batch, with the rest of the frame before, however long that is."""
        rest, self._rest = self._rest, b""
        return bytearray(rest)


class Decoder:
    """Bytes to frames. `limit`: of the size of one, or -1."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._place = 0
        self._flags = 0
        self._size = -1  # of the frame whose header was read

    def room(self) -> int:
        """The bytes to read at once."""
        missing = self._size - (len(self._buffer) - self._place) if self._size >= 0 else 0
        return missing if missing >= BATCH else BATCH

    def feed(self, data: bytes) -> None:
        """Takes bytes that have arrived."""
        if self._place:
            del self._buffer[: self._place]
            self._place = 0
        self._buffer += data

    def next(self) -> tuple[int, bytes] | None:
        """Returns the flags and data of the next frame; None where it is not complete.

        Raises:
            TooLarge: and then nothing more is read.
        """
        buffer, place = self._buffer, self._place
        if self._size < 0:
            if len(buffer) - place < 2:
                return None
            self._flags = buffer[place]
            if self._flags & LARGE:
                if len(buffer) - place < 9:
                    return None
                (self._size,) = struct.unpack_from(">Q", buffer, place + 1)
                place += 9
            else:
                self._size = buffer[place + 1]
                place += 2
            self._place = place
            if 0 <= self._limit < self._size:
                raise TooLarge
        end = place + self._size
        if len(buffer) < end:
            return None
        data = bytes(buffer[place:end])
        self._place, self._size = end, -1
        return self._flags, data
