"""A model's files are in the system's cache before their loader asks for them."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hushd_worker.quick_start import read_ahead

SIZE = 24_000_000
PAGE = 4096


def cached(file: Path) -> float:
    """The share of a file's pages, at every 64 KiB, that can be read without waiting."""
    places = range(0, file.stat().st_size, 1 << 16)
    descriptor, found = os.open(file, os.O_RDONLY), 0
    try:
        for place in places:
            try:
                found += os.preadv(descriptor, [bytearray(1)], place, os.RWF_NOWAIT)
            except BlockingIOError:
                pass
    except OSError:
        pytest.skip("this file system does not say what it has cached")
    finally:
        os.close(descriptor)
    return found / len(places)


def forget(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def join() -> None:
    for thread in threading.enumerate():
        if thread.name == "read-ahead":
            thread.join(20)


@pytest.mark.skipif(sys.platform != "linux", reason="what is cached is known on Linux")
def test_a_large_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it once, to the last byte, by threads that end.

    Of the cache no more is claimed than most: a kernel that reclaims memory ahead of need (DAMON) drops pages of a
    file that was read 20 ms ago.
    """
    read: list[tuple[int, int]] = []

    def sendfile(to: int, source: int, start: int, count: int, sendfile: Callable[..., int] = os.sendfile) -> int:
        sent = sendfile(to, source, start, count)
        read.append((start, start + sent))
        return sent

    monkeypatch.setattr(os, "sendfile", sendfile)
    file = tmp_path / "model.bin"
    with file.open("wb") as out:
        out.write(os.urandom(SIZE + 123))
        os.fsync(out.fileno())
    forget(file)
    if cached(file) > 0.5:
        pytest.skip("this file system forgets nothing")
    read_ahead([file])
    join()
    read.sort()
    assert (read[0][0], read[-1][1]) == (0, SIZE + 123)
    assert all(end == start for (_, end), (start, _) in pairwise(read))
    assert cached(file) > 0.5


def test_what_is_small_missing_or_no_file_costs_nothing(tmp_path: Path) -> None:
    """No thread is started, and nothing is raised: the loader knows the fault best."""
    (tmp_path / "small").write_bytes(bytes(PAGE))
    before = threading.active_count()
    read_ahead([tmp_path / "small", tmp_path / "none", tmp_path, tmp_path / "small" / "model.bin"])
    assert threading.active_count() <= before


def test_a_file_that_shrinks_ends_the_reading(tmp_path: Path) -> None:
    """A pull may replace it at that moment."""
    file = tmp_path / "model.bin"
    with file.open("wb") as out:
        out.truncate(SIZE)
    read_ahead([file])
    os.truncate(file, 0)
    join()
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]
