"""Texts of each class are read as people say them: `tables/`, of grammars, CLDR and agents, a heading a class."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd_reading.items import Piece
from hushd_reading.language import language
from hushd_reading.reader import read

TABLES = {path.stem: path.read_text("utf-8") for path in (Path(__file__).parent / "tables").glob("*.txt")}
ROWS = [
    (language, kind, row)
    for language, table in sorted(TABLES.items())
    for kind, *rows in (part.split("\n") for part in table.removeprefix("# ").split("\n# "))
    for row in rows
    if row
]


def said(text: str, code: str) -> str:
    """The words of a text, its sentences apart."""
    return " | ".join(item.text for item in read([text.encode()], language=code) if isinstance(item, Piece))


@pytest.mark.parametrize(("code", "kind", "row"), ROWS)
def test_each_class_is_read_as_people_say_it(code: str, kind: str, row: str) -> None:
    """The words agree with their nouns, and only a sentence's end ends one."""
    written, spoken = row.rsplit(" -> ", 1)
    assert said(written, code) == spoken, kind


# What the code asks every table for.
NEEDED = (
    "begins to words.version words.dot words.out_of number.decimal number.point number.sign number.about "
    "number.over number.ratio "
    "number.by number.times date.order date.day date.day_month date.year date.month_year time.hour time.full "
    "time.minute time.second "
    "fraction.half fraction.and_half fraction.mixed fraction.mixed_half fraction.gender money.form units.per "
    "power.n signs.- signs.+"
)


@pytest.mark.parametrize("code", ["en", "de", "fr", "es", "pt", "it"])
def test_every_table_has_what_the_code_asks_for(code: str) -> None:
    """A language whose table lacks a key would end a text by an error."""
    known = language(code)
    assert known is not None
    assert [key for key in NEEDED.split() if known.get(key, None) is None] == []
