"""ZMTP 3: the bytes of greetings, commands and frames, read and written in the portions in which libzmq does."""

from __future__ import annotations

import struct

BATCH = 8192  # bytes that are read or written at once, unless a frame is larger
AT_ONCE = 1 << 20  # bytes that a kernel can have
MOST = 1 << 36  # bytes that anybody has memory for
MORE, LARGE, COMMAND = 1, 2, 4


class TooLarge(Exception):
    """A frame is larger than MAXMSGSIZE."""


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


class Greeting:
    """The first bytes of a peer, which tell its protocol, and our answer to each portion of them.

    Args:
        mechanism: ours.
        kind: the number of our type of socket, for peers of 2012.
    """

    def __init__(self, mechanism: str, kind: int) -> None:
        self._mechanism = mechanism
        self._kind = kind
        self.received = bytearray()
        self.missing = 12  # bytes until all of it is there
        self.protocol = 0  # 1, 2 or 3, once it is known
        self.signed = True  # whether the peer has sent the signature

    def feed(self, data: bytes) -> bytes:
        """Takes bytes, at most as many as are missing; returns our next bytes."""
        before = len(self.received)
        self.received += data
        self.missing -= len(data)
        if self.received[0] != 0xFF or (len(self.received) >= 10 and not self.received[9] & 1):
            self.protocol, self.missing, self.signed = 1, 0, False
            return b""
        answer = b"\x03" if before < 10 <= len(self.received) else b""
        if before < 11 <= len(self.received):
            self.protocol = 3 if self.received[10] > 1 else self.received[10] + 1
            if self.protocol == 3:
                self.missing += 52
                answer += b"\x01" + self._mechanism.encode().ljust(20, b"\0") + bytes(32)
            else:
                answer += bytes([self._kind])
        return answer

    @property
    def agrees(self) -> bool:
        """True if a peer of protocol 3 has our mechanism."""
        return bytes(self.received[12:32]) == self._mechanism.encode().ljust(20, b"\0")


class Encoder:
    """Frames to bytes, in batches: a frame is loaded while there is room in one, and its rest waits for the next."""

    def __init__(self) -> None:
        self._rest = b""

    def load(self, batch: bytearray, flags: int, data: bytes) -> None:
        """Adds a frame to a batch that is not full."""
        size = len(data)
        batch += self._header(flags, size)
        if len(batch) + size <= BATCH:
            batch += data
        else:
            room = max(0, BATCH - len(batch))
            batch += data[:room]
            self._rest = data[room:]

    def _header(self, flags: int, size: int) -> bytes:
        return bytes((flags, size)) if size < 256 else struct.pack(">BQ", flags | LARGE, size)

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
        return min(missing, AT_ONCE) if missing >= BATCH else BATCH

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
        if self._size < 0 and not self._header():
            return None
        buffer, place = self._buffer, self._place
        end = place + self._size
        if len(buffer) < end:
            return None
        data = bytes(buffer[place:end])
        self._place, self._size = end, -1
        return self._flags, data

    def _header(self) -> bool:
        buffer, place = self._buffer, self._place
        if len(buffer) - place < 2:
            return False
        flags, size, header = buffer[place], buffer[place + 1], 2
        if flags & LARGE:
            if len(buffer) - place < 9:
                return False
            (size,) = struct.unpack_from(">Q", buffer, place + 1)
            header = 9
        self._check(size)
        self._flags, self._size = flags, size
        self._place = place + header
        return True

    def _check(self, size: int) -> None:
        if 0 <= self._limit < size or size > MOST:
            raise TooLarge


class OldEncoder(Encoder):
    """As peers of 2011 and 2012 without a revision read it."""

    def _header(self, flags: int, size: int) -> bytes:
        size += 1
        return bytes((size, flags & MORE)) if size < 255 else struct.pack(">BQB", 255, size, flags & MORE)


class OldDecoder(Decoder):
    """As they write it."""

    def _header(self) -> bool:
        buffer, place = self._buffer, self._place
        if len(buffer) - place < 1:
            return False
        size, header = buffer[place], 2
        if size == 255:
            if len(buffer) - place < 9:
                return False
            (size,) = struct.unpack_from(">Q", buffer, place + 1)
            header = 10
        if size == 0:
            raise TooLarge
        self._check(size - 1)
        if len(buffer) - place < header:
            return False
        self._flags = buffer[place + header - 1] & MORE
        self._place, self._size = place + header, size - 1
        return True
