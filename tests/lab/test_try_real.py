"""The words that `scripts/try-real` counts; its downloads need a network."""

from __future__ import annotations

import pytest

from lab.try_real import SENTENCES, difference


@pytest.mark.parametrize(
    ("said", "heard", "wrong"),
    [
        ("Bonjour, tout va bien.", "bonjour tout va bien", 0),
        ("Bonjour, tout va bien.", "bonjour tous va", 2),
        ("Oui.", "", 1),
        ("Oui.", "oui et non", 2),
    ],
)
def test_words_wrong_are_those_left_out_added_or_exchanged(said: str, heard: str, wrong: int) -> None:
    """Without signs and capitals."""
    assert difference(said, heard)[0] == wrong


@pytest.mark.parametrize("language", SENTENCES)
def test_each_language_has_twenty_sentences(language: str) -> None:
    """Complete ones."""
    sentences = [" ".join(each.split()) for each in SENTENCES[language].split("|")]
    assert len(sentences) == 20
    assert all(each.endswith((".", "?")) for each in sentences)
