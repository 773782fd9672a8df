"""Words of programs, as people say them."""

from __future__ import annotations

import pytest
from hushd_reading import developers
from hushd_reading.items import Piece
from hushd_reading.reader import read
from hushd_schema.pronunciations import parse


def heard(text: str, language: str = "en", pronounce: dict[str, str] | None = None) -> str:
    items = read([text.encode()], "markdown", language, pronounce or {})
    return " ".join(item.text for item in items if isinstance(item, Piece))


@pytest.mark.parametrize(("text", "words"), [
    ("Run `pytest`, then open config.json.", "Run pie test, then open config dot jay-son."),
    ("The JSON-based file; kubectl's pods.", "The jay-son-based file; cube control's pods."),
    ("Use Node.js with utf-8.", "Use node J S with U T F eight."),
    ("See https://json.org/sqlite or a/numpy.py", "See jay-son dot org slash S Q light or a slash num pie dot py"),
    ("HTTP, CLI and npm", "HTTP, CLI and npm"),
])  # fmt: skip
def test_words_of_programs_are_said_as_people_say_them(text: str, words: str) -> None:
    """Alone, in code, in names, addresses and paths; what people spell is left to the voice."""
    assert heard(text) == words


def test_the_users_own_pronunciation_goes_before() -> None:
    """It counts in any case of its letters, and also where it is the word itself."""
    assert heard("JSON, nginx", pronounce={"json": "JSON", "nginx": "N jinx"}) == "JSON, N jinx"


def test_the_list_has_the_form_of_the_users_file() -> None:
    """Each line is one that pronunciations.txt may have, each word is there once, and only English has any."""
    text = developers._FILE.read_text("utf-8")
    entries = parse(text, "developers.txt")
    lines = [line for line in text.splitlines() if " -> " in line]
    assert entries.mistakes == ()
    assert entries.tables == {"en": dict(developers._table("en"))}
    assert len(lines) == len(entries.tables["en"]) > 150
    assert heard("JSON", "de") == "JSON"
