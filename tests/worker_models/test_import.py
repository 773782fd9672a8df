"""Importing a user's own file: which engine it is for, and that it is a whole model."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hushd_models import inventory
from hushd_models.store import Store
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

Ask = Callable[..., Any]
CHECKPOINT = gzip.decompress((Path(__file__).parents[1] / "support" / "data" / "whisper-commands.pt.gz").read_bytes())
GRAPH = b"\x08\x08" + b"\x3a\x05graph"  # ir_version 8, and a graph of five bytes
CTRANSLATE2 = struct.pack("<IH", 6, 12) + b"WhisperSpec\0" + bytes(100)


def safetensors(numbers: bytes = bytes(4), size: int = 4) -> bytes:
    header = b'{"a":{"data_offsets":[0,%d]}}' % size
    return len(header).to_bytes(8, "little") + header + numbers


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def ctranslate2(folder: Path) -> Path:
    return write(
        folder / "ct2",
        {"config.json": b"{}", "model.bin": CTRANSLATE2, "tokenizer.json": b"{}", "vocabulary.json": b"[]"},
    )


def onnx(folder: Path) -> Path:
    return write(folder / "asr", {"encoder-model.onnx": GRAPH, "vocab.txt": b"a 1", ".hidden": b"x"})


def chatterbox(folder: Path) -> Path:
    return write(folder / "cb", {"ve.safetensors": safetensors(), "tokenizer.json": b"{}"})


def checkpoint(folder: Path) -> Path:
    return write(folder, {"own.pt": CHECKPOINT}) / "own.pt"


@pytest.mark.parametrize(
    ("make", "engine", "files"),
    [
        (checkpoint, "whisper", ["mine.pt"]),
        (ctranslate2, "faster-whisper", ["config.json", "model.bin", "tokenizer.json", "vocabulary.json"]),
        (onnx, "onnx-asr", ["encoder-model.onnx", "vocab.txt"]),
        (chatterbox, "chatterbox", ["tokenizer.json", "ve.safetensors"]),
    ],
)
def test_the_content_tells_the_engine(
    ask: Ask, tmp_path: Path, make: Callable[[Path], Path], engine: str, files: list[str]
) -> None:
    """Each is copied to where that engine looks, hashed, and has a manifest that says where it is from."""
    path = make(tmp_path)
    told = ask("import", path=str(path), name="mine").result()
    assert told["model"] == f"{engine}/mine"
    store = Store(paths.find())
    found = store.find(f"{engine}/mine")
    assert found is not None
    assert (found.source.kind, found.source.place) == ("file", str(path))
    assert sorted(found.files) == files
    assert found.role == ("tts" if engine == "chatterbox" else "stt")
    assert inventory.row(store, found.model).role == found.role
    assert store.missing(found) == []
    assert store.unfinished() == []
    before = (store.location(found) / files[-1]).read_bytes()
    (path if path.is_file() else path / files[-1]).write_bytes(b"changed by its owner")
    assert (store.location(found) / files[-1]).read_bytes() == before


BAD: list[tuple[dict[str, bytes], str, str]] = [
    ({"a.pt": b""}, "a.pt", "not a complete checkpoint"),
    ({"a.pt": CHECKPOINT[:-1000]}, "a.pt", "not a complete checkpoint"),
    ({"a.txt": b"shopping list"}, "a.txt", "is not a model of a known kind"),
    ({"f/notes.txt": b"x"}, "f", "is not a model of a known kind"),
    ({"f/model.onnx": GRAPH[:-1], "f/vocab.txt": b"a"}, "f", "model.onnx is only a part of a graph"),
    ({"f/model.onnx": b"<html>", "f/vocab.txt": b"a"}, "f", "model.onnx is not a graph"),
    ({"f/model.onnx": b"", "f/vocab.txt": b"a"}, "f", "model.onnx is not a graph"),
    ({"f/model.onnx": GRAPH}, "f", "which say what they hear"),
    ({"f/model.bin": b"x" * 99, "f/config.json": b"{}", "f/tokenizer.json": b"{}"}, "f", "is not a Whisper model"),
    ({"f/model.bin": CTRANSLATE2, "f/config.json": b"{}", "f/tokenizer.json": b"{}"}, "f", "has no vocabulary"),
    ({"f/ve.safetensors": safetensors(b"")}, "f", "ve.safetensors is only a part"),
    ({"f/ve.safetensors": b"x" * 20}, "f", "is not in the format of safetensors"),
]


@pytest.mark.parametrize(("files", "path", "why"), BAD)
def test_what_is_no_model_is_said_in_one_sentence(
    ask: Ask, tmp_path: Path, files: dict[str, bytes], path: str, why: str
) -> None:
    """Something else, a part, or a model that lacks a file: nothing is copied, and the sentence says why."""
    write(tmp_path, files)
    with pytest.raises(HushdError, match=why) as raised:
        ask("import", path=str(tmp_path / path), name="mine").result()
    assert raised.value.code == "input_unreadable"
    assert "\n" not in raised.value.message
    assert not paths.find().models.exists()


def test_it_is_what_the_user_says_it_is_or_an_error(ask: Ask, tmp_path: Path) -> None:
    """An engine that is named is asked alone."""
    with pytest.raises(HushdError, match="is not a model for kokoro: it is not a graph"):
        ask("import", path=str(checkpoint(tmp_path)), name="mine", engine="kokoro").result()
    with pytest.raises(HushdError, match="not for 'moonshine'"):
        ask("import", path=str(checkpoint(tmp_path)), name="mine", engine="moonshine").result()
    files = {"own/kokoro.onnx": GRAPH, "own/voices-v1.0.bin": b"voices"}
    told = ask("import", path=str(write(tmp_path, files) / "own/kokoro.onnx"), name="mine", engine="kokoro").result()
    assert told["model"] == "kokoro/mine"


def test_a_name_that_is_taken(ask: Ask, tmp_path: Path) -> None:
    """Nothing is overwritten, whoever has put it there; the same file once more is not an error."""
    path = checkpoint(tmp_path)
    ask("import", path=str(path), name="mine").result()
    ask("import", path=str(path), name="mine").result()
    other = tmp_path / "other.pt"
    other.write_bytes(CHECKPOINT)
    with pytest.raises(HushdError, match="There is a model whisper/mine already"):
        ask("import", path=str(other), name="mine").result()
    mine = paths.find().models / "whisper" / "mine.pt"
    mine.write_bytes(b"damaged")
    ask("import", path=str(other), name="mine").result()  # only what is whole is kept
    assert mine.read_bytes() == CHECKPOINT
    (paths.find().models / "whisper" / "hand.pt").write_bytes(b"by hand")
    with pytest.raises(HushdError, match="There is a model whisper/hand already"):
        ask("import", path=str(path), name="hand").result()


def test_what_cannot_be_read(ask: Ask, tmp_path: Path) -> None:
    """A file that is not there, and other ops, are clear errors."""
    with pytest.raises(HushdError, match="/nowhere/x does not exist"):
        ask("import", path="/nowhere/x", name="mine").result()
    with pytest.raises(HushdError, match="must be absolute"):
        ask("import", path="x.pt", name="mine").result()
    with pytest.raises(HushdError, match="A worker for models can pull and import") as raised:
        ask("transcribe").result()
    assert raised.value.code == "unsupported"
