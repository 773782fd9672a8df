"""The table of programs, and what it says of those that are not here."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.outside import lacking


def test_a_program_that_lacks_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each program that is not on PATH, and one command that brings them; nothing where all are there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "curl").touch(0o755)
    assert lacking("curl") == ""
    assert lacking("curl", "xclip", "ffprobe", "ffmpeg") == "xclip, ffprobe, ffmpeg (apt install ffmpeg xclip)"


def test_a_program_that_stands_in_no_table_cannot_be_asked_for() -> None:
    """So that each has its package."""
    with pytest.raises(KeyError):
        lacking("frobnicate")
