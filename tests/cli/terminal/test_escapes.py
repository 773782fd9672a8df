"""Text for a terminal."""

from __future__ import annotations

import os
import pty
from pathlib import Path

from hushd_cli.terminal.console import shown


def test_only_a_terminal_gets_escapes(tmp_path: Path) -> None:
    """A file and a pipe get the words themselves."""
    text = "\x1b[2J"
    ours, theirs = pty.openpty()
    reading, writing = os.pipe()
    file = os.open(tmp_path / "a", os.O_WRONLY | os.O_CREAT)
    try:
        assert [shown(text, number) for number in (theirs, writing, file)] == ["\\x1b[2J", text, text]
    finally:
        for number in (ours, theirs, reading, writing, file):
            os.close(number)
