"""A child's log is cut once it is too long, and its end is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_protocol.system.log_files import ROTATE_BYTES, cut


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
