"""Texts of each class are read as people say them: `tables/`, from grammars and CLDR, a heading a class."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_reading.items import Piece
from hushd_reading.reader import read

TABLES = {path.stem: path.read_text("utf-8") for path in (Path(__file__).parent / "tables").glob("*.txt")}
ROWS = [
    (language, kind, row)
    for language, table in sorted(TABLES.items())
    for kind, *rows in (part.split("\n") for part in table.removeprefix("# ").split("\n# "))
    for row in rows
    if row
]


def said(text: str, language: str) -> str:
    """The words of a text, its sentences apart."""
    return " | ".join(item.text for item in read([text.encode()], language=language) if isinstance(item, Piece))


@pytest.mark.parametrize(("language", "kind", "row"), ROWS)
def test_each_class_is_read_as_people_say_it(language: str, kind: str, row: str) -> None:
    """The words agree with their nouns, and only a sentence's end ends one."""
    written, spoken = row.split(" -> ")
    assert said(written, language) == spoken, kind
