"""Reads descriptions and graphs of model files for the specs, without loading the models.

Each check identifies the format and whether the file is complete: a failed download often leaves a truncated file.
"""

from __future__ import annotations

import json
import mmap
import zipfile
from pathlib import Path

from hushd_protocol import JsonObject

from .protobuf import fields
from .spec import NoModel

MAX_DESCRIPTION_BYTES = 16_000_000  # bytes of a description
_GRAPH = 7  # the field of an ONNX model with its graph


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
    with zipfile.ZipFile(path) as archive:
        entry = next((member for member in archive.infolist() if member.filename.endswith("/data.pkl")), None)
        return archive.read(entry) if entry and entry.file_size <= MAX_DESCRIPTION_BYTES else b""


def check_graph(path: Path) -> None:
    """Checks that the outermost fields of an ONNX file end at the file's end, and include a graph.
    Raises NoModel if they do not."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            every = list(fields(data, 0, len(data)))  # reads all, to check the end too
    except ValueError:
        every = []
    if not any(field.number == _GRAPH and field.end > field.content for field in every):
        raise NoModel(f"{path.name} is not a graph in ONNX's format, or only a part of one")
