"""Text for a terminal."""

from __future__ import annotations

import os
import pty
import unicodedata
from pathlib import Path

from hushd_cli.terminal.console import shown
from hushd_protocol.suggest import escaped


def test_no_control_character_is_left() -> None:
    """C0, DEL, C1, line separators and bidirectional controls are escaped; newline, tab and all else stay."""
    kept = {"\n", "\t"}
    for code in range(0x3000):
        sign = chr(code)
        commands = (
            unicodedata.category(sign) in ("Cc", "Zl", "Zp") or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
        )
        assert escaped(sign) == (ascii(sign)[1:-1] if commands and sign not in kept else sign)
    assert escaped("a\x1b]0;b\x07 \u202ec") == "a\\x1b]0;b\\x07 \\u202ec"


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
