"""Tells how probable each of six languages is for a word, by its letters, from frequencies of words.

A linear model of a word's two to four letters in a row, and of the whole, each a row of a table by its hash, was fitted
to the 25,000 most frequent words of each language (wordfreq 3.1, Speer 2022, CC BY-SA 4.0; lab/word_languages.py), each
with its share of the languages that have it: of `marketing` French has some, of `denied` none.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "fr", "de", "es", "pt", "it")
ROWS = 1 << 14
NATS_STEP = 0.1  # nats for each unit of the table
_FILE = Path(__file__).with_suffix(".bin")  # ROWS times a signed byte for each language
_WORD = re.compile("[^\\W\\d_]{2,}(?:['-][^\\W\\d_]+)*")
_LEAST = -7.0  # nats; no word says more against a language


def scores(text: str, codes: Iterable[str]) -> dict[str, float]:
    """Returns the sum of the words' logarithms of probability for each of some languages. A language without a column
    has that of the most probable one but English, where its words may have relatives."""
    sums = dict.fromkeys(codes, 0.0)
    for word in _WORD.findall(text.casefold().replace("’", "'")):
        logarithms = _probabilities(word)
        for code in sums:
            sums[code] += logarithms.get(code, max(list(logarithms.values())[1:]))
    return sums


def has_words(text: str) -> bool:
    """Returns whether a text has words of more than a letter."""
    return _WORD.search(text) is not None


def rows(word: str) -> Iterator[int]:
    """Yields the rows of the table for a word in lower case."""
    whole = f"<{word}>"
    for part in (whole, *(whole[at : at + n] for n in (2, 3, 4) if n < len(whole) for at in range(len(whole) - n + 1))):
        yield zlib.crc32(part.encode()) % ROWS


def _probabilities(word: str) -> dict[str, float]:
    table, width = _table(), len(LANGUAGES)
    sums = [0.0] * width
    for row in rows(word):
        sums = [total + table[row * width + at] * NATS_STEP for at, total in enumerate(sums)]
    whole = math.log(sum(map(math.exp, sums)))
    return {code: max(total - whole, _LEAST) for code, total in zip(LANGUAGES, sums, strict=True)}


@cache
def _table() -> memoryview:
    return memoryview(_FILE.read_bytes()).cast("b")
