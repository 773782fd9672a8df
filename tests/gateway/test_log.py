"""The gateway's log is bounded, whatever programs cause to be written."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hushd_gateway.log import BoundedLog, Brief
from hushd_protocol.system import log_files


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Has descriptor 2 be that file."""
    before, output = os.dup(2), log_files.open_file(path)
    os.dup2(output, 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(output)


def test_a_large_file_is_moved_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of before is kept; a line has a length."""
    monkeypatch.setattr(log_files, "ROTATE_BYTES", 10_000)
    path = tmp_path / "gateway.log"
    with written(path):
        stream = BoundedLog(path)
        stream.write("x" * 100_000 + "\n")
        assert path.stat().st_size < 10_000
        stream.write("y" * 100_000 + "\n")
        assert Path(f"{path}.1").exists()
        stream.write("end\n")
    assert path.read_text().endswith(" end\n")


def test_an_error_of_a_library_is_its_kind_and_place() -> None:
    """Its text may contain speech, and a traceback says nothing to a user."""
    try:
        raise ValueError("my secret words")
    except ValueError:
        record = logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "it failed", None, sys.exc_info())
    assert re.fullmatch(r"it failed\nValueError at test_log\.py:\d+", Brief().format(record))
