"""Reads a text into sentences, its words as they are written, and the words that are spoken for them. Pure.

`1984` is spoken as two words, `Dr.` as one, `3,50 €` as three, as the voices read them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from hushd_reading.in_words import in_words
from hushd_reading.items import MappedText
from hushd_reading.language import language as named
from hushd_reading.sentences import Splitter

_TOKEN = re.compile(r"\S+")
_OPENING = ("«", "„", "“", "—", "–", "-")  # signs that, standing apart, belong to the word behind them
_SPOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


class Sounding(NamedTuple):
    """A spoken word: its letters in lower case without accents, and the part of the text for which it stands."""

    letters: str
    start: int
    end: int


def sentences(text: str, language: str) -> Iterator[tuple[list[tuple[int, int]], list[Sounding]]]:
    """Yields the sentences in which something is spoken: the places of their words, and the words spoken for them."""
    first = -1
    for piece, ends in Splitter(language).add(MappedText.original(text), True):
        start, end = piece.span()
        first = start if first < 0 else first
        if ends and (words := _words(text, first, end)):
            yield words, soundings(text[first:end], language, first)
        first = -1 if ends else first


def _words(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Returns the places of the words in a part of a text, with the signs that stand apart beside them."""
    words, opened = list[tuple[int, int]](), -1
    for token in _TOKEN.finditer(text, start, end):
        first = token.start() if opened < 0 else opened
        if any(map(str.isalnum, token[0])):
            words.append((first, token.end()))
            opened = -1
        elif words and opened < 0 and not token[0].startswith(_OPENING):
            words[-1] = words[-1][0], token.end()
        else:
            opened = first
    return words


def soundings(text: str, language: str, at: int = 0) -> list[Sounding]:
    """Returns the words that are spoken for a text, which stands at `at` in another one."""
    mapped, known = MappedText.original(text, at), named(language)
    mapped = in_words(mapped, known) if known else mapped
    return [Sounding(letters(match[0]), *mapped.span(*match.span())) for match in _SPOKEN.finditer(mapped.text)]


def letters(word: str) -> str:
    """Returns what counts of a word: its letters and digits in lower case, without accents."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", word.casefold()) if sign.isalnum())
