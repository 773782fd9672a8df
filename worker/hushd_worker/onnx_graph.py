"""Makes a copy of an ONNX graph without its weights, which refers to their places in the original file.

ONNX Runtime copies weights that are part of a graph, and maps weights in a separate file ("external data"). It maps
them from any offset, so that file may be the graph's own: nothing is converted, no file is written, and a file's pages
are shared, stay in the system's cache after the exit, and can be dropped when memory is short.

An ONNX file is one protobuf message, whose fields are from https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
Everything except large weights is copied byte for byte.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MIN_MAPPED = 1 << 16  # bytes of a mapped weight; a smaller one is copied in the same time
_GRAPH = 7  # of ModelProto
_INITIALIZER = 5  # of GraphProto
_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 9, 13, 14  # of TensorProto
_EXTERNAL = 1  # a value of _DATA_LOCATION
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # protobuf's wire types
_FIXED = {_FIXED64: 8, _FIXED32: 4}


class _Field(NamedTuple):
    number: int
    begin: int  # the first byte of its key
    content: int  # the first byte of its content
    end: int


def without_weights(path: Path) -> bytes | None:
    """Returns the graph in `path`, with references into `path` in place of weights of `MIN_MAPPED` bytes or more.

    Returns None if there is no such weight: they may already be in another file, or have another encoding.

    Raises:
        ValueError: the file is damaged, or not in ONNX's format.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        parts: list[bytes] = []
        external = False
        for field in _fields(data, 0, len(data)):
            if field.number == _GRAPH:
                graph, refers = _graph(data, field, path.name.encode())
                parts.append(_bytes_field(_GRAPH, graph))
                external = external or refers
            else:
                parts.append(data[field.begin : field.end])
    return b"".join(parts) if external else None


def _graph(data: mmap.mmap, graph: _Field, name: bytes) -> tuple[bytes, bool]:
    """Returns the content of a graph with references in place of its large weights, and whether there are any."""
    parts, done = [], graph.content
    for field in _fields(data, graph.content, graph.end):
        if field.number == _INITIALIZER and field.end - field.content >= MIN_MAPPED:
            tensor = _reference(data, field, name)
            if tensor is not None:
                parts += [data[done : field.begin], _bytes_field(_INITIALIZER, tensor)]
                done = field.end
    parts.append(data[done : graph.end])
    return b"".join(parts), len(parts) > 1


def _reference(data: mmap.mmap, tensor: _Field, name: bytes) -> bytes | None:
    """Returns the content of a tensor with a reference to its bytes; None if it is too small, or its bytes are
    elsewhere."""
    parts, raw = [], None
    for field in _fields(data, tensor.content, tensor.end):
        if field.number == _RAW_DATA:
            raw = field
        elif field.number in (_EXTERNAL_DATA, _DATA_LOCATION):
            return None
        else:
            parts.append(data[field.begin : field.end])
    if raw is None or raw.end - raw.content < MIN_MAPPED:
        return None
    for key, value in (
        ("location", name),
        ("offset", b"%d" % raw.content),
        ("length", b"%d" % (raw.end - raw.content)),
    ):
        entry = _bytes_field(1, key.encode()) + _bytes_field(2, value)
        parts.append(_bytes_field(_EXTERNAL_DATA, entry))
    return b"".join(parts) + _varint(_DATA_LOCATION << 3 | _VARINT) + _varint(_EXTERNAL)


def _fields(data: mmap.mmap, at: int, end: int) -> Iterator[_Field]:
    """Yields the fields of the message from `at` to `end`. Raises ValueError if they do not end at `end`."""
    while at < end:
        begin = at
        key, at = _read_varint(data, at, end)
        kind = key & 7
        if kind == _BYTES:
            length, at = _read_varint(data, at, end)
        elif kind == _VARINT:
            length = _read_varint(data, at, end)[1] - at
        else:
            length = _FIXED.get(kind, end)  # an unknown kind would end after the message
        if at + length > end or not key >> 3:
            raise ValueError(f"there is no valid protobuf field at byte {begin}")
        yield _Field(key >> 3, begin, at, at + length)
        at += length


def _read_varint(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    """Returns a number, and the byte after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError(f"there is no valid protobuf number before byte {at}")


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _bytes_field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content
