"""Messages: as programs see them, frame by frame, and as bytes between two processes; and the errors of pyzmq."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator

import zmq


class ZMQError(Exception):
    def __init__(self, number: int | None = None, text: str | None = None) -> None:
        self.errno = number
        self.strerror = text or os.strerror(number or 0)
        super().__init__(self.strerror)


class Again(ZMQError):
    def __init__(self, number: int = errno.EAGAIN, text: str | None = None) -> None:
        super().__init__(number, text)


class ContextTerminated(ZMQError):
    def __init__(self, number: int = int(zmq.ETERM), text: str | None = None) -> None:
        super().__init__(number, text)


class Message:
    """A message with its frames; `descriptor` is that of the connection that it came by, -1 for none."""

    __slots__ = ("descriptor", "frames")

    def __init__(self, frames: list[bytes], descriptor: int = -1) -> None:
        self.frames = frames
        self.descriptor = descriptor


class Frame:
    """A frame that was received with `copy=False`."""

    def __init__(self, data: bytes, message: Message, more: bool) -> None:
        self.bytes = self.buffer = data
        self.more = more
        self._message = message

    def __len__(self) -> int:
        return len(self.bytes)

    def get(self, option: int) -> int:
        """Raises ZMQError for a fact that is not known of the connection."""
        if option == zmq.MORE:
            return int(self.more)
        if option == zmq.SRCFD and self._message.descriptor >= 0:
            return self._message.descriptor
        raise ZMQError(errno.EINVAL)


def encode(frames: list[bytes]) -> bytes:
    """Returns the bytes of a message: the number of its frames, their lengths, and they."""
    return b"".join((struct.pack(f">{1 + len(frames)}I", len(frames), *map(len, frames)), *frames))


class Decoder:
    """Takes bytes as they come, and gives whole messages."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[list[bytes]]:
        """Yields the frames of each message that is whole by now."""
        self._bytes += data
        while len(self._bytes) >= 4:
            (count,) = struct.unpack_from(">I", self._bytes)
            start = 4 + 4 * count
            if len(self._bytes) < start:
                return
            lengths = struct.unpack_from(f">{count}I", self._bytes, 4)
            if len(self._bytes) < start + sum(lengths):
                return
            frames = []
            for length in lengths:
                frames.append(bytes(self._bytes[start : start + length]))
                start += length
            del self._bytes[:start]
            yield frames
