"""Numbers as they are heard: their sentences, their places in the text, and rows of signs (tables: test_tables.py)."""

from __future__ import annotations

import pytest
from hushd_reading.items import Piece
from hushd_reading.reader import read


def said(text: str, language: str, markup: str = "text") -> list[str]:
    return [item.text for item in read([text.encode()], markup, language) if isinstance(item, Piece)]


@pytest.mark.parametrize("language", ["fr", "pt-BR", "de", "es", "it", "en"])
def test_thoughts_are_silent_in_every_language(language: str) -> None:
    """Text in `<think>` at the beginning of a line is not spoken."""
    assert said("<think>\nHmm, 17:30, 3.\n</think>\nOk.", language) == ["Ok."]


def test_a_german_ordinal_does_not_end_a_sentence() -> None:
    """The point after an article's number goes on; after any other number the sentence ends."""
    assert said("Am 3. Oktober. Die Antwort ist 3. Danach kommt der 4. Test.", "de") == [
        "Am dritten Oktober.", "Die Antwort ist drei.", "Danach kommt der vierte Test.",
    ]  # fmt: skip


def test_every_word_keeps_the_place_of_its_number() -> None:
    """The words of a number stand for it in the text, which a highlighted word and a timeline need."""
    text = "Il reste 12,50 € ici"
    (piece,) = (item for item in read([text.encode()], language="fr") if isinstance(item, Piece))
    start = piece.text.index("douze")
    assert piece.mapped.span(start, start + len("douze euros cinquante")) == (9, 16)
    assert piece.mapped.span(piece.text.index("ici")) == (17, 20)


def test_without_the_packages_of_cldr_an_engine_reads_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment with the extra `stt` alone has no words for them, and no error."""
    monkeypatch.setattr("hushd_reading.in_words.countable", lambda: False)
    assert said("Le 1er mai, 12,50 €.", "fr") == ["Le 1er mai, 12,50 €."]
