"""Letters and signs that stand for nothing are said as written, and places that were judged right stay as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hushd_reading.items import Piece
from hushd_reading.reader import read


def rows(name: str) -> list[tuple[str, str]]:
    """Returns the rows of a file, each with the code of its language."""
    parts = re.split(r"^\[(\w\w)\]\n", Path(__file__).with_name(name).read_text("utf-8"), flags=re.MULTILINE)[1:]
    return [(code, row) for code, rows in zip(parts[::2], parts[1::2], strict=True) for row in rows.splitlines()]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def spoken(written: str, code: str) -> str:
    return " ".join(item.text for item in read([written.encode()], language=code) if isinstance(item, Piece))


@pytest.mark.parametrize(("code", "row"), rows("letters.txt"))
def test_a_letter_is_a_letter(code: str, row: str) -> None:
    """A rule that reads more needs two signs: a listener forgives a number read plainly, and nobody an invented one."""
    written, _, said = row.partition(" => ")
    assert words(spoken(written, code)) == words(said or written)


@pytest.mark.parametrize("code", ["en", "de", "fr", "es", "it", "pt"])
def test_what_was_judged_right_stays(code: str) -> None:
    """Places of ordinary text, as many of each rule, are said as somebody judged to be right."""
    judged = [row.rpartition(" => ")[::2] for each, row in rows("drawn.txt") if each == code]
    assert len(judged) > 50
    assert [
        written for written, said in judged if f" {said} " not in f" {' '.join(words(spoken(written, code)))} "
    ] == []
