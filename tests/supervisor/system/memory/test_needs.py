"""Tests of the file that keeps what workers need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hushd_supervisor.system.memory.needs import Needs

GB = 1_000_000_000
SIZES = {"stt/moonshine/tiny-en": 205_000_000, "tts/hibari/en": 190_000_000}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "needs.json"


def test_what_is_saved_is_loaded(file: Path) -> None:
    """Nobody but its owner can read it, and nothing else is left in the folder."""
    Needs(file).save(SIZES)
    assert Needs(file).load(GB) == SIZES
    Needs(file).save({})
    assert Needs(file).load(GB) == {}
    assert os.listdir(file.parent) == ["needs.json"]
    assert file.stat().st_mode & 0o777 == 0o600


BROKEN = {
    "empty": b"", "cut off": b'{"stt/a/b": 5', "a list": b"[1]", "null": b"null", "binary": b"\xff\xfe",
    "deep": b"[" * 100_000, "wrong sizes": b'{"a/b/c": 1e400, "b": 7, "a/b/d": -1}',
    "large": b" " * 2_000_000 + b'{"stt/a/b": 5}',
}  # fmt: skip


@pytest.mark.parametrize("content", list(BROKEN.values()), ids=list(BROKEN))
def test_a_broken_file_is_as_good_as_none(file: Path, content: bytes) -> None:
    """Cut off, something else, binary, nested without end, far too large: never an error."""
    file.write_bytes(content)
    assert Needs(file).load(GB) == {}


def test_what_makes_no_sense_is_left_out(file: Path) -> None:
    """Only sizes above 0 of full names are taken."""
    file.write_text('{"stt/a/b": 5, "stt": 5, "stt/a/c": "5", "stt/a/d": 0, "stt/a/e": true, "stt/a/f": 1.5}')
    assert Needs(file).load(GB) == {"stt/a/b": 5}


def test_no_worker_has_taken_more_than_there_is(file: Path) -> None:
    """A size beyond the machine's memory was never measured here; a card's memory is another matter."""
    card = "stt/a/x@0000:65:00.0"
    true = {
        "stt/a/b": GB,
        "stt/a/b:load": GB,
        "stt/a/x@cuda": GB,
        card: 24 * GB,
        f"{card}:ready": 20 * GB,
        "stt/a/y@0000:65:00.0": 0,
    }
    lies = {
        "stt/a/c": GB + 1,
        "stt/a/c:load": 1 << 40,
        "stt/a/c@cuda": 1 << 40,
        "stt/a/c@cuda:load": 1 << 61,
        "stt/a/d@0000:65:00.0": 1 << 51,
    }
    Needs(file).save(true | lies)
    assert Needs(file).load(GB) == true


def test_the_old_file_stays_until_the_new_one_is_whole(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full in the middle of a save loses nothing."""
    Needs(file).save(SIZES)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    Needs(file).save({"stt/a/b": 1})
    assert Needs(file).load(GB) == SIZES
