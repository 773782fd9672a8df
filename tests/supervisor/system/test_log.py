"""Tests of the log and its files."""

from __future__ import annotations

import re

import pytest
from hushd_schema.settings import Settings
from hushd_supervisor.system import log


def test_a_record_is_one_line_with_time_and_level(capfd: pytest.CaptureFixture[str]) -> None:
    """Records below the level are not written; further lines of a text are indented."""
    record = log.Log(Settings(log_level="info")).write
    record("debug", "unseen")
    record("INFO", "one")
    record("error", "two\n2026-01-01 00:00:00 INFO    forged\n")
    lines = capfd.readouterr().err.splitlines()
    assert [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "T", line) for line in lines] == [
        "T INFO    one",
        "T ERROR   two",
        "    2026-01-01 00:00:00 INFO    forged",
    ]


# --- what clients cause -----------------------------------------------------------------------------------------------


def test_a_record_is_bounded_and_commands_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """A client's text in it is cut off, and its control characters are shown."""
    log.Log(Settings()).write("info", "a\x1b[2J\r\x9b\u2028b" + "c" * 1_000_000)
    text = capfd.readouterr().err
    assert len(text) < log.MAX_RECORD + 100
    assert "a\\x1b[2J\n    \\x9b\n    bccc" in text
