"""Reads descriptions and graphs of model files for the specs, without loading the models.

Each check identifies the format and whether the file is complete: a failed download often leaves a truncated file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from hushd_protocol import JsonObject

from .spec import NoModel

MAX_DESCRIPTION_BYTES = 16_000_000  # bytes of a description
_GRAPH = 7  # the field of an ONNX model with its graph
_LENGTH_DELIMITED, _VARINT, _FIXED64, _FIXED32 = 2, 0, 1, 5


def content(path: Path) -> JsonObject:
    """Returns the object in a JSON file; empty for other JSON, and for a file that is too long."""
    parsed = json.loads(path.read_bytes()) if path.stat().st_size <= MAX_DESCRIPTION_BYTES else None
    return parsed if isinstance(parsed, dict) else {}


def described(path: Path) -> JsonObject:
    """Does the same for a file that must be JSON. Raises `NoModel`."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_DESCRIPTION_BYTES:  # reading a pipe would wait
            raise ValueError
        return content(path)
    except (ValueError, RecursionError) as error:
        raise NoModel(f"{path.name} is not JSON") from error


def pickled(path: Path) -> bytes:
    """Returns the bytes of the pickle in a torch checkpoint; empty if there is none, or it is too long."""
    import zipfile  # lazy: checkpoints alone need it

    with zipfile.ZipFile(path) as archive:
        entry = next((member for member in archive.infolist() if member.filename.endswith("/data.pkl")), None)
        return archive.read(entry) if entry and entry.file_size <= MAX_DESCRIPTION_BYTES else b""


def check_graph(path: Path) -> None:
    """Checks that the outermost fields of an ONNX file end at the file's end, and include a graph.
    Raises NoModel if they do not."""
    fields = list(_fields(path))  # reads all, to check the end too
    if not any(number == _GRAPH and length for number, length in fields):
        raise NoModel(f"{path.name} is not a graph in ONNX's format")


def _fields(path: Path) -> Iterator[tuple[int, int]]:
    """Yields the number and the length of each outermost field; the length of a number is 0.
    Raises NoModel if they do not end where the file does."""
    size, at = path.stat().st_size, 0
    with open(path, "rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(20)
            key, used = _varint(head, 0)
            kind, length = key & 7, 0
            if kind == _LENGTH_DELIMITED:
                length, used = _varint(head, used)
            elif kind == _VARINT:
                _, used = _varint(head, used)
            elif kind in (_FIXED32, _FIXED64):
                used += 4 if kind == _FIXED32 else 8
            else:
                used = 0
            if not used or not key >> 3:
                raise NoModel(f"{path.name} is not a graph in ONNX's format")
            yield key >> 3, length
            at += used + length
    if at != size:
        raise NoModel(f"{path.name} is only a part of a graph: {size} bytes of {at}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Returns a protobuf number and its end; 0 and 0 if there is none."""
    value = 0
    for shift in range(10):
        if at + shift >= len(data):
            return 0, 0
        value |= (data[at + shift] & 127) << (7 * shift)
        if data[at + shift] < 128:
            return value, at + shift + 1
    return 0, 0
