"""The lists of a user as requests carry them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hushd_schema import pronunciations
from hushd_schema.own_lists import MAX_CARRIED, carried


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file, which does not exist yet."""
    return tmp_path / "words.txt"


def test_a_list_is_carried_without_its_remarks(file: Path) -> None:
    """A line keeps its number, by which a mistake is named; a sign within a word begins no remark."""
    assert carried(file, "own") == {}
    file.write_text("\ufeff# names\nQdrant  # a database\nC#\n\n  # the end\n")
    assert carried(file, "own") == {"own": "\nQdrant\nC#"}
    file.write_text("# nothing yet\n")
    assert carried(file, "own") == {}


def test_a_list_that_cannot_be_read_is_a_fault(file: Path) -> None:
    """One sentence names the file, and nothing is raised: the request is made without."""
    file.write_bytes(b"\xff")
    assert carried(file, "own") == {"list_fault": f"{file} is not text in UTF-8, at byte 0."}
    file.unlink()
    file.mkdir()
    assert carried(file, "own") == {"list_fault": f"{file} cannot be read (Is a directory)."}
    file.rmdir()
    file.write_bytes(b"a" * ((1 << 20) + 1))
    assert carried(file, "own") == {"list_fault": f"{file} has more than 1 MB: it is not a word list."}
    file.unlink()
    os.mkfifo(file)
    assert carried(file, "own") == {}


def test_a_long_list_is_carried_as_far_as_a_request_takes_it(file: Path) -> None:
    """Whole lines, of any letters; a fault says how many hold. Remarks do not count."""
    line = "na\u00efve -> n\u0251\u02c8iv"
    file.write_text(f"{line}  # {'a' * 100}\n" * (MAX_CARRIED // len(f"{line}\n".encode())))
    assert carried(file, "own").keys() == {"own"}
    file.write_text(f"{line}\n" * 9999)
    long = carried(file, "own")
    lines = long["own"].splitlines()
    assert set(lines) == {line}
    assert MAX_CARRIED - len(f"{line}\n".encode()) <= len(long["own"].encode()) <= MAX_CARRIED
    assert long["list_fault"] == (
        f"{file} has more than 40 kB without its remarks: only its first {len(lines)} lines hold."
    )
    file.write_text("a" * MAX_CARRIED)
    assert carried(file, "own") == {"own": "a" * MAX_CARRIED}
    file.write_text("a" * MAX_CARRIED + "\nb")
    assert carried(file, "own")["own"] == "a" * MAX_CARRIED


def test_what_is_carried_means_what_the_file_does(file: Path) -> None:
    """Entries and mistakes are the same, with the numbers of their lines."""
    file.write_text("# for all\nnginx -> engine x  # a server\n\n[de]  # German\nRouter -> Ruter\nnothing\n")
    there, here = pronunciations.read(file), pronunciations.parse(carried(file, "own")["own"], file.name)
    assert there == here
    assert "line 6" in here.mistakes[0]
