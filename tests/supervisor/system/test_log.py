"""Tests of the log and its files."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from hushd_protocol.system import log_files
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


def test_a_file_over_1_mb_is_moved_aside_at_the_next_start(tmp_path: Path) -> None:
    """A log stays small and 0600, and one older file is kept."""
    path = tmp_path / "worker.log"
    for content in (b"a" * 100, b"b" * 1_000_000):
        descriptor = log_files.open_file(path)
        assert stat.S_IMODE(os.fstat(descriptor).st_mode) == 0o600
        os.write(descriptor, content)
        os.close(descriptor)
    assert path.stat().st_size == 1_000_100
    os.close(log_files.open_file(path))
    assert path.stat().st_size == 0
    assert (tmp_path / "worker.log.1").stat().st_size == 1_000_100


def test_a_log_is_emptied_under_the_process_that_writes_it(tmp_path: Path) -> None:
    """Its last 1 MB is kept, the process goes on in the empty file, and its last words are found there."""
    path = tmp_path / "worker.log"
    descriptor, start = log_files.open_for_child(path)
    assert start == 0
    for number in range(3):
        os.write(descriptor, b"%d" % number * 700_000)
        log_files.cut(path)
    os.write(descriptor, b"later\n")
    os.close(descriptor)
    assert path.read_bytes() == b"2" * 700_000 + b"later\n"
    aside = tmp_path / "worker.log.1"
    assert aside.read_bytes() == b"0" * 300_000 + b"1" * 700_000
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    assert log_files.tail(path, 1_300_000).endswith("2later\n")


def test_a_tail_is_the_last_4_kib_of_one_incarnation(tmp_path: Path) -> None:
    """An earlier process's lines are not taken for this one's last; bytes that are not text are replaced."""
    path = tmp_path / "worker.log"
    path.write_bytes(b"earlier\n" + b"later \xff\n")
    assert log_files.tail(path, 8) == "later \ufffd\n"
    path.write_bytes(b"x" * 10_000 + b"end")
    assert len(log_files.tail(path, 0)) == log_files.TAIL_BYTES
    assert log_files.tail(path, 0).endswith("xend")
    assert log_files.tail(tmp_path / "none", 0) == ""


# --- what clients cause -----------------------------------------------------------------------------------------------


def test_a_record_is_bounded_and_commands_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """A client's text in it is cut off, and its control characters are shown."""
    log.Log().write("info", "a\x1b[2J\r\x9b\u2028b" + "c" * 1_000_000)
    text = capfd.readouterr().err
    assert len(text) < log.MAX_RECORD + 100
    assert "a\\x1b[2J\n    \\x9b\n    bccc" in text
