"""The system says how much of a file it keeps in memory, and forgets it when asked."""

from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path

import pytest
from hushd_protocol.system.page_cache import cached, drop

PAGE = mmap.PAGESIZE
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is cached is known on Linux")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of 40 pages and a bit, on the disk and out of the cache."""
    path = tmp_path / "model.bin"
    with path.open("wb") as out:
        out.write(os.urandom(40 * PAGE + 123))
        os.fsync(out.fileno())
    drop(path)
    if cached(path):
        pytest.skip("this file system forgets nothing: it is in memory")
    return path


def test_what_was_read_is_counted_until_it_is_dropped(file: Path) -> None:
    """All of it to the byte after a reading, none of it after a drop; asking reads nothing."""
    assert [cached(file), cached(file)] == [0, 0]
    file.read_bytes()
    assert cached(file) == 40 * PAGE + 123
    drop(file)
    assert cached(file) == 0
    assert len(file.read_bytes()) == 40 * PAGE + 123


def test_a_living_workers_pages_stay(file: Path) -> None:
    """A process that has mapped and touched a page keeps it, whoever asks for the room."""
    with file.open("rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert len(mapped[:]) == 40 * PAGE + 123
        drop(file)
        assert cached(file) == 40 * PAGE + 123
    drop(file)
    assert cached(file) == 0
