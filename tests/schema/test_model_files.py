"""Graphs that are whole, and others that a download has cut off."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest
from hushd_schema.engines import model_files
from hushd_schema.engines.model_files import MAX_DESCRIPTION_BYTES, check_graph, content, described, pickled
from hushd_schema.engines.spec import NoModel

VERSION = b"\x08\x0a"  # field 1, a number
FIXED = b"\x51" + struct.pack("<d", 0.5) + b"\x5d" + struct.pack("<f", 0.5)  # fields 10 and 11, of 8 and 4 bytes
NAME = b"\x12\x05torch"  # field 2, bytes
GRAPH = b"\x3a\xac\x02" + bytes(300)  # field 7, whose length takes two bytes
LARGE = b"\x3a\x80\x80\x01" + bytes(1 << 14)  # the same, of three bytes
REMAINS = {
    "nothing": b"", "other fields alone": VERSION + NAME + FIXED, "an empty graph": VERSION + b"\x3a\x00",
    "half of a graph": VERSION + GRAPH[:-1], "half of a name after it": GRAPH + NAME[:-1],
    "a key that does not end": GRAPH + b"\x80",
    "half of a number after it": GRAPH + FIXED[:-1],
    "a field without a number": b"\x02\x00" + GRAPH,
    "a kind of field that nobody writes": b"\x0b" + GRAPH,
    "a length that does not end": b"\x3a" + b"\xff" * 11,
    "a page of a web server": b"<!DOCTYPE html><html>",
}  # fmt: skip


def long(written: bytes) -> bytes:
    """More than is read of a file, where `~` stands."""
    return written.replace(b"~", b" " * MAX_DESCRIPTION_BYTES)


def test_a_whole_graph_is_one(tmp_path: Path) -> None:
    """Whatever stands before and after the graph is passed over by its own length."""
    file = tmp_path / "model.onnx"
    for graph in (GRAPH, LARGE, VERSION + NAME + FIXED + GRAPH, GRAPH + FIXED + NAME + VERSION):
        file.write_bytes(graph)
        check_graph(file)


@pytest.mark.parametrize("remains", REMAINS)
def test_what_is_left_of_a_graph_is_none(remains: str, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(REMAINS[remains])
    with pytest.raises(NoModel, match=r"model\.onnx is "):
        check_graph(file)


@pytest.mark.parametrize(("written", "read"), [(b'{"a": 1}', {"a": 1}), (b"[1]", {}), (b'{"a": ~ 1}', {})])
def test_a_description_is_an_object_of_bounded_length(written: bytes, read: object, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_bytes(long(written))
    assert content(file) == read


@pytest.mark.parametrize("written", [None, b"{", b"[" * 100_000, b"\xff\xfe", b'{"a": 1}~'])
def test_what_must_be_json_and_is_not_is_no_model(written: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    if written is not None:
        file.write_bytes(long(written))
    with pytest.raises(NoModel, match=r"config\.json is not JSON"):
        described(file)


@pytest.mark.parametrize(
    ("name", "size", "found"), [("a/data.pkl", 9, 9), ("a/data.pkl", 10, 0), ("data.pkl", 9, 0), ("a/data.pkl.b", 9, 0)]
)
def test_the_pickle_of_a_checkpoint_is_of_bounded_length(
    name: str, size: int, found: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_files, "MAX_DESCRIPTION_BYTES", 9)
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("a/version", b"3")
        archive.writestr(name, b"x" * size)
    assert pickled(tmp_path / "a.pt") == b"x" * found
