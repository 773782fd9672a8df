"""Tests of the log and its files."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from hushd_supervisor.system import log


def test_a_record_is_one_line_with_time_and_level(capfd: pytest.CaptureFixture[str]) -> None:
    """Records below the level are not written; further lines of a text are indented."""
    record = log.Log("info").write
    record("debug", "unseen")
    record("INFO", "one")
    record("error", "two\n2026-01-01 00:00:00 INFO    forged\n")
    lines = capfd.readouterr().err.splitlines()
    assert [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "T", line) for line in lines] == [
        "T INFO    one",
        "T ERROR   two",
        "    2026-01-01 00:00:00 INFO    forged",
    ]


def test_a_text_that_cannot_be_encoded_is_written_all_the_same(capfd: pytest.CaptureFixture[str]) -> None:
    """A lone surrogate, from a file name for example, ends nobody."""
    log.Log().write("info", "name \udcff")
    assert "name ?" in capfd.readouterr().err


def test_a_file_over_1_mb_is_moved_aside_at_the_next_start(tmp_path: Path) -> None:
    """A log stays small and 0600, and one older file is kept."""
    path = tmp_path / "worker.log"
    for content in (b"a" * 100, b"b" * 1_000_000):
        descriptor = log.open_file(path)
        assert stat.S_IMODE(os.fstat(descriptor).st_mode) == 0o600
        os.write(descriptor, content)
        os.close(descriptor)
    assert path.stat().st_size == 1_000_100
    os.close(log.open_file(path))
    assert path.stat().st_size == 0
    assert (tmp_path / "worker.log.1").stat().st_size == 1_000_100


def test_a_tail_is_the_last_4_kib_of_one_incarnation(tmp_path: Path) -> None:
    """An earlier process's lines are not taken for this one's last; bytes that are no text are replaced."""
    path = tmp_path / "worker.log"
    path.write_bytes(b"earlier\n" + b"later \xff\n")
    assert log.tail(path, 8) == "later \ufffd\n"
    path.write_bytes(b"x" * 10_000 + b"end")
    assert len(log.tail(path, 0)) == log.TAIL_BYTES
    assert log.tail(path, 0).endswith("xend")
    assert log.tail(tmp_path / "none", 0) == ""
