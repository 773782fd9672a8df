"""A log of more than a megabyte begins anew, and its end is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hushd_protocol.system.log_files import ROTATE_BYTES, cut, open_file


@pytest.mark.parametrize("size", [0, 1, ROTATE_BYTES])
def test_a_log_of_a_megabyte_stays_as_it_is(size: int, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_bytes(b"x" * size)
    cut(log)
    assert log.stat().st_size == size
    assert not (tmp_path / "worker.log.1").exists()


@pytest.mark.parametrize("before", [None, b"an older one"])
def test_of_a_longer_one_the_last_megabyte_is_kept(before: bytes | None, tmp_path: Path) -> None:
    """The child goes on in the same file, whose descriptor it and its children hold."""
    log, kept = tmp_path / "worker.log", tmp_path / "worker.log.1"
    if before is not None:
        kept.write_bytes(before)
    with open(log, "ab") as child:
        child.write(b"old" + b"y" * ROTATE_BYTES)
        child.flush()
        cut(log)
        child.write(b"new")
    assert log.read_bytes() == b"new"
    assert kept.read_bytes() == b"y" * ROTATE_BYTES
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("size", [0, ROTATE_BYTES, ROTATE_BYTES + 1])
def test_a_log_that_is_too_long_is_moved_before_it_is_opened(size: int, tmp_path: Path) -> None:
    """One of a megabyte is gone on with."""
    log, moved = tmp_path / "worker.log", tmp_path / "worker.log.1"
    log.write_bytes(b"x" * size)
    os.close(open_file(log))
    assert moved.exists() == (size > ROTATE_BYTES)
    assert log.stat().st_size == (0 if moved.exists() else size)
