"""The published word error rates of models for speech to text, by which hushd orders them.

A model's figures are one text, such as `en 1.94 de 5.24`: tags of languages, each with the percentage of wrong words.
Figures are compared within a language only, where all are of one test: English of LibriSpeech's, every other language
of FLEURS's. Of languages written without spaces, letters are counted instead of words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

from . import languages

ENGLISH = "en"
_LETTERS = frozenset({"ja", "km", "ko", "th", "yue", "zh"})  # languages whose letters are counted


def rate(published: str, language: str) -> float | None:
    """Returns the percentage of wrong words in a language, any spelling of it; None if none is published."""
    return by_language(published).get(languages.code(language))


def place(published: str, language: str | None) -> tuple[float, float]:
    """Returns the place of a model among others, the best first: by its figure for the language, then for English.

    A model without a figure comes after those with one.

    Args:
        language: any spelling; None if it is not known.
    """
    figures = by_language(published)
    english = figures.get(ENGLISH, math.inf)
    return figures.get(languages.code(language), math.inf) if language else english, english


def test(language: str) -> str:
    """Returns the name of the test of a language's figures."""
    return "LibriSpeech test-clean" if languages.code(language) == ENGLISH else "FLEURS test"


def described(published: str, language: str) -> str:
    """Returns a figure for people, such as `5.2 % of words wrong in FLEURS test`; empty if none is published."""
    percent = rate(published, language)
    counted = "letters" if languages.code(language) in _LETTERS else "words"
    return "" if percent is None else f"{percent:.1f} % of {counted} wrong in {test(language)}"


@cache
def by_language(published: str) -> Mapping[str, float]:
    """Returns the figures by language."""
    words = published.split()
    return {languages.code(tag): float(percent) for tag, percent in zip(words[::2], words[1::2], strict=True)}
