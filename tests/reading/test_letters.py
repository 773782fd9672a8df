"""Letters and signs that stand for nothing are said as written: `letters.txt`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hushd_reading.items import Piece
from hushd_reading.reader import read

_PARTS = re.split(r"^\[(\w+)\]\n", Path(__file__).with_name("letters.txt").read_text("utf-8"), flags=re.MULTILINE)[1:]
ROWS = [(code, row) for code, rows in zip(_PARTS[::2], _PARTS[1::2], strict=True) for row in rows.splitlines()]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@pytest.mark.parametrize(("code", "row"), ROWS)
def test_a_letter_is_a_letter(code: str, row: str) -> None:
    """A rule that reads more needs two signs: a listener forgives a number read plainly, and nobody an invented one."""
    written, _, said = row.partition(" => ")
    spoken = " ".join(item.text for item in read([written.encode()], language=code) if isinstance(item, Piece))
    assert words(spoken) == words(said or written)
