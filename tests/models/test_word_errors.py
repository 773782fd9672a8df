"""The published word error rates: a model's place among others, and its figure in words."""

from __future__ import annotations

import math

import pytest
from hushd_models import word_errors

PUBLISHED = "en 1.94 de 5.24 ja 7.63"


@pytest.mark.parametrize(("published", "language", "place"), [
    (PUBLISHED, "German", (5.24, 1.94)),
    (PUBLISHED, "fr", (math.inf, 1.94)),
    (PUBLISHED, None, (1.94, 1.94)),
    ("ru 5.35", "ru", (5.35, math.inf)),
    ("", None, (math.inf, math.inf)),
])  # fmt: skip
def test_the_language_decides_and_then_english(
    published: str, language: str | None, place: tuple[float, float]
) -> None:
    """A model without a figure comes after all that have one."""
    assert word_errors.place(published, language) == place


@pytest.mark.parametrize(("language", "words"), [
    ("en-US", "1.9 % of words wrong in LibriSpeech test-clean"),
    ("German", "5.2 % of words wrong in FLEURS test"),
    ("ja", "7.6 % of letters wrong in FLEURS test"),
    ("fr", ""),
])  # fmt: skip
def test_a_figure_names_what_was_counted_and_where(language: str, words: str) -> None:
    """Words or letters, and the test of that language; nothing where nothing is published."""
    assert word_errors.described(PUBLISHED, language) == words
