"""Repairs a WAV whose writer died before it set the sizes in the header, so that it seems empty."""

from __future__ import annotations

import io
import os
import struct

_HEAD = 65_536  # bytes in which the samples must begin


def repaired(descriptor: int) -> io.RawIOBase | None:
    """Returns the file of `descriptor` with corrected sizes in its header, if it is a WAV whose `data` chunk claims 0
    bytes although samples follow; None for any other file, which is the usual case.
    """
    head = os.pread(descriptor, _HEAD, 0)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    place, size = 12, os.fstat(descriptor).st_size
    while place + 8 <= len(head):
        name, length = head[place : place + 4], int.from_bytes(head[place + 4 : place + 8], "little")
        if name == b"data":
            begin = place + 8
            if length or size <= begin or _chunk(head[begin : begin + 8], size - begin):
                return None
            sizes = {4: min(size - 8, 0xFFFFFFFF), place + 4: min(size - begin, 0xFFFFFFFF)}
            return _Patched(descriptor, {at: struct.pack("<I", value) for at, value in sizes.items()})
        place += 8 + length + length % 2
    return None


def _chunk(head: bytes, remaining: int) -> bool:
    """Returns whether `head` begins another chunk that fits into the remaining bytes, so that `data` really is
    empty."""
    return head[:4].strip().isalnum() and 8 + int.from_bytes(head[4:8], "little") <= remaining


class _Patched(io.RawIOBase):
    """A read-only view of a file with some bytes replaced."""

    def __init__(self, descriptor: int, patches: dict[int, bytes]) -> None:
        self._descriptor = descriptor
        self._patches = patches
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = bytearray(os.pread(self._descriptor, len(buffer), self._at))
        for at, patch in self._patches.items():
            for offset, byte in enumerate(patch, at - self._at):
                if 0 <= offset < len(data):
                    data[offset] = byte
        memoryview(buffer).cast("B")[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._descriptor).st_size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at
