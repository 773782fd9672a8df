"""A log of more than a megabyte begins anew, and its end is kept; its last words are found."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd_protocol.system.log_files import ROTATE_BYTES, TAIL_BYTES, append, open_file, open_for_child, rotate, tail


@pytest.mark.parametrize("may_move", [True, False])
@pytest.mark.parametrize("size", [0, ROTATE_BYTES, ROTATE_BYTES + 1])
def test_a_childs_output_has_a_bounded_file(size: int, may_move: bool, tmp_path: Path) -> None:
    """A log of more than a megabyte is kept beside the one that is begun, or emptied where that cannot be."""
    log, moved = tmp_path / "worker.log", tmp_path / "worker.log.1"
    log.write_bytes(b"x" * size)
    if not may_move:
        moved.mkdir()
    new = size > ROTATE_BYTES
    assert append(log, b"more") == log.stat().st_size == 4 + (0 if new else size)
    assert moved.is_file() == (new and may_move)
    assert log.stat().st_mode & 0o777 == 0o600 or not (new and may_move)
    assert append(tmp_path / "none" / "log", b"more") == 0


@pytest.mark.parametrize("size", [0, ROTATE_BYTES, ROTATE_BYTES + 1])
def test_a_log_that_is_too_long_is_moved_before_it_is_opened(size: int, tmp_path: Path) -> None:
    """One of a megabyte is gone on with."""
    log, moved = tmp_path / "worker.log", tmp_path / "worker.log.1"
    log.write_bytes(b"x" * size)
    os.close(open_file(log))
    assert moved.exists() == (size > ROTATE_BYTES)
    assert log.stat().st_size == (0 if moved.exists() else size)
    assert not moved.exists() or log.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def standard_error() -> Iterator[None]:
    """Whatever becomes descriptor 2 in a test, afterwards it is the one of before."""
    before = os.dup(2)
    yield
    os.dup2(before, 2)
    os.close(before)


@pytest.mark.usefixtures("standard_error")
@pytest.mark.parametrize(
    ("name", "size", "moves"),
    [("log", ROTATE_BYTES, False), ("log", ROTATE_BYTES + 1, True), ("other", ROTATE_BYTES + 1, False)],
)
def test_a_process_moves_its_own_log_alone(name: str, size: int, moves: bool, tmp_path: Path) -> None:
    """The process goes on in a new file; one that is gone is let be."""
    log = tmp_path / "log"
    log.write_bytes(b"x" * size)
    descriptor = open_file(tmp_path / name)
    os.truncate(descriptor, size)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    before = os.listdir("/dev/fd")
    rotate(log)
    os.write(2, b"on")
    assert os.listdir("/dev/fd") == before
    assert [one.stat().st_size for one in sorted(tmp_path.glob("log*"))] == (
        [2, size] if moves else [size + 2 * (name == "log")]
    )
    rotate(tmp_path / "none")


def test_a_childs_log_is_made_with_its_folder(tmp_path: Path) -> None:
    """Both are its user's alone; a later child begins where an earlier one ended."""
    log, starts = tmp_path / "a/logs/worker.log", []
    for _ in range(2):
        descriptor, start = open_for_child(log)
        os.write(descriptor, b"end")
        os.close(descriptor)
        starts.append(start)
    assert starts == [0, 3]
    assert [path.stat().st_mode & 0o777 for path in (log, log.parent)] == [0o600, 0o700]


def test_a_child_without_a_log_has_ours(tmp_path: Path, told: list[str]) -> None:
    """Here a file is in the place of the folder; the log says so."""
    (tmp_path / "file").touch()
    descriptor, start = open_for_child(tmp_path / "file/log")
    assert (start, os.path.samestat(os.fstat(descriptor), os.fstat(2)), descriptor > 2) == (None, True, True)
    os.close(descriptor)
    assert [sentence.partition(" (")[0] for sentence in told] == [f"{tmp_path}/file/log cannot be written"]


@pytest.mark.parametrize(("content", "start", "said"), [
    (b"earlier\nlater \xff\n", 8, "later \ufffd\n"),
    (b"x" * TAIL_BYTES + b"end", 0, "x" * (TAIL_BYTES - 3) + "end"),
    (b"x" * TAIL_BYTES + b"end", 4, "x" * (TAIL_BYTES - 4) + "end"),
    (b"abc", 3, ""),
    (b"abc", 4, "abc"),  # it was emptied since
    (b"2026-01-01 00:00:00 ERROR   request a1b2c3d4: a\n2026-01-01 00:00:00 b\n", 0, "a\nb\n"),
    (b"2026-01-01 00:00:00 2026-01-01 00:00:00 c", 0, "2026-01-01 00:00:00 c"),
])  # fmt: skip
def test_a_tail_is_the_last_4_kib_of_one_incarnation(content: bytes, start: int, said: str, tmp_path: Path) -> None:
    """An earlier process's lines are not taken for this one's; times and levels are left out."""
    (tmp_path / "log").write_bytes(content)
    assert tail(tmp_path / "log", start) == said
    assert tail(tmp_path / "none", start) == ""
