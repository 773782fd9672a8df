"""Reads and writes fields of protobuf's encoding, in which ONNX has its graphs, without its library."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import NamedTuple

VARINT = 0  # wire types of numbers, and of bytes, text and messages; those of a fixed size
_BYTES = 2
_FIXED = {1: 8, 5: 4}


class Field(NamedTuple):
    """A field of a message: its number, and its places in the file."""

    number: int
    begin: int  # the first byte of its key
    content: int  # the first byte of its content
    end: int


def fields(data: bytes | mmap.mmap, at: int, end: int) -> Iterator[Field]:
    """Yields the fields of the message from `at` to `end`. Raises ValueError if they do not end at `end`."""
    while at < end:
        begin = at
        key, at = read_varint(data, at, end)
        kind = key & 7
        if kind == _BYTES:
            length, at = read_varint(data, at, end)
        elif kind == VARINT:
            length = read_varint(data, at, end)[1] - at
        else:
            length = _FIXED.get(kind, end)  # an unknown kind would end after the message
        if at + length > end or not key >> 3:
            raise ValueError(f"there is no valid protobuf field at byte {begin}")
        yield Field(key >> 3, begin, at, at + length)
        at += length


def read_varint(data: bytes | mmap.mmap, at: int, end: int) -> tuple[int, int]:
    """Returns a number, and the place of the byte after it. Raises ValueError if there is none before `end`."""
    if at < end and data[at] < 128:  # nearly all have one byte
        return data[at], at + 1
    value = 0
    for shift, place in zip(range(0, 70, 7), range(at, end), strict=False):
        value |= (data[place] & 127) << shift
        if data[place] < 128:
            return value, place + 1
    raise ValueError(f"there is no valid protobuf number at byte {at}")


def varint(value: int) -> bytes:
    """Returns the encoding of a number."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def bytes_field(number: int, content: bytes) -> bytes:
    """Returns the encoding of a field whose content is bytes, text or a message."""
    return varint(number << 3 | _BYTES) + varint(len(content)) + content
