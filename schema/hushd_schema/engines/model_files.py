"""Reads descriptions, graphs and tensors of model files for the specs, without loading any.

Each check reads what identifies the file, and whether it is whole: a browser leaves a truncated file of most downloads
that fail.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from hushd_protocol import JsonObject

from . import Files, NoModel

LONGEST = 16_000_000  # bytes of a description that is read
_GRAPH, _METADATA = 7, 14  # the fields of an ONNX model that hold its graph, and a note of its makers
_LENGTH_DELIMITED, _VARINT, _FIXED64, _FIXED32 = 2, 0, 1, 5


def all_in(folder: Path) -> Files:
    """The files in a folder but for hidden ones, links followed."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def content(path: Path) -> JsonObject:
    """The object in a file of JSON; empty for other JSON, and for a file that is too long."""
    parsed = json.loads(path.read_bytes()) if path.stat().st_size <= LONGEST else None
    return parsed if isinstance(parsed, dict) else {}


def described(path: Path) -> JsonObject:
    """The same of a file that has to be JSON. Raises `NoModel`."""
    try:
        if not path.is_file() or path.stat().st_size > LONGEST:  # a pipe would be waited for
            raise ValueError
        return content(path)
    except (ValueError, RecursionError) as error:
        raise NoModel(f"{path.name} is no JSON") from error


def pickled(path: Path) -> bytes:
    """The pickle that describes a checkpoint of torch's, unread; empty where it has none or one that is too long."""
    with zipfile.ZipFile(path) as archive:
        entry = next((member for member in archive.infolist() if member.filename.endswith("/data.pkl")), None)
        return archive.read(entry) if entry and entry.file_size <= LONGEST else b""


def check_graph(path: Path) -> None:
    """Walks over the outermost fields of an ONNX file: they end where the file does.

    Raises:
        NoModel: they do not, or there is no graph among them.
    """
    fields = [(number, length) for number, _, length in _fields(path)]  # all of them: the end counts too
    if not any(number == _GRAPH and length for number, length in fields):
        raise NoModel(f"{path.name} is no graph in ONNX's format")


def graph_metadata(path: Path) -> dict[str, str]:
    """The notes that its makers have put into an ONNX file, which is checked as `check_graph` does.

    Raises:
        NoModel: as `check_graph`.
    """
    check_graph(path)
    notes = {}
    with open(path, "rb") as file:
        for number, start, length in _fields(path):
            if number == _METADATA and length <= LONGEST:
                file.seek(start)
                texts = _texts(file.read(length))
                notes[texts.get(1, "")] = texts.get(2, "")
    return notes


def _fields(path: Path) -> Iterator[tuple[int, int, int]]:
    """Yields the number, the place and the length of each outermost field; a length of 0 where it is a number.

    Raises:
        NoModel: they do not end where the file does.
    """
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
                raise NoModel(f"{path.name} is no graph in ONNX's format")
            yield key >> 3, at + used, length
            at += used + length
    if at != size:
        raise NoModel(f"{path.name} is only a part of a graph: {size} bytes of {at}")


def _texts(message: bytes) -> dict[int, str]:
    """The texts of a message of protobuf's, by the numbers of their fields."""
    texts, at = {}, 0
    while at < len(message):
        key, at = _varint(message, at)
        length, at = _varint(message, at)
        if not at or key & 7 != _LENGTH_DELIMITED:
            break
        texts[key >> 3] = message[at : at + length].decode(errors="replace")
        at += length
    return texts


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of protobuf's and where it ends; 0 and 0 where there is none."""
    value = 0
    for shift in range(10):
        if at + shift >= len(data):
            return 0, 0
        value |= (data[at + shift] & 127) << (7 * shift)
        if data[at + shift] < 128:
            return value, at + shift + 1
    return 0, 0


def check_safetensors(path: Path) -> None:
    """A header of JSON behind its length, and numbers up to where it says.

    Raises:
        NoModel: it is none, or only a part of one.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size, LONGEST * 8):
            raise NoModel(f"{path.name} is not in the format of safetensors")
        try:
            header = json.loads(file.read(length))
            end = max(int(tensor["data_offsets"][1]) for name, tensor in header.items() if name != "__metadata__")
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
            raise NoModel(f"{path.name} is not in the format of safetensors") from error
    if 8 + length + end != size:
        raise NoModel(f"{path.name} is only a part: {size} bytes of {8 + length + end}")
