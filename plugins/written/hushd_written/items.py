"""Divides a text's tokens into words and numbers, which text2num reads. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from text_to_num import Occurence, find_numbers

from .rules import Item, Language

_DIGITS = re.compile(r"\d{1,3}(?:[.,]\d{3})*(?:[.,]\d+)?|\d+(?:[.,]\d+)?", re.ASCII)
_READ = re.compile(r"\d+([.,]\d+|st|nd|rd|th|\.|er|ère|ème|º|ª)?")  # no fraction, such as 1/100, and no plural
_SEPARATED_FROM = 10_000  # number from which every language separates thousands
_MANY = {1, 100, 1000}  # numbers before "million" that count none


class _Spoken:
    """A word as text2num takes it; `at` is its place among the items."""

    def __init__(self, text: str, at: int, apart: bool) -> None:
        self._text, self.at, self._apart = text, at, apart

    def text(self) -> str:
        return self._text

    text_lowercase = text

    def nt_separated(self, previous: _Spoken) -> bool:
        return self._apart

    def not_a_number_part(self) -> bool:
        return False


def edges(token: str) -> tuple[str, str, str]:
    """Returns the space and the signs before a token, its letters and digits, and the signs behind it."""
    places = [n for n, sign in enumerate(token) if sign.isalnum()] or [len(token)]
    last = places[-1] + 1
    last += token.startswith("-", last)  # "three-" in "three- or fourfold" is a part of a word
    return token[: places[0]], token[places[0] : last], token[last:]


def items(tokens: Sequence[str], language: Language) -> list[Item]:
    """Returns the words and numbers of a text; a token that is signs alone is neither."""
    words = list(_words(tokens))
    spoken = list(_spoken(words, language))
    merged: list[Item] = []
    at = 0
    for found in find_numbers(spoken, language.code, 0.0):
        part = spoken[found.start : found.end]
        texts = [word.text() for word in part]
        if sure := texts[-1] in language.millions:  # "two million": digits, and the word
            part.pop()
            inner = find_numbers(part, language.code, 0.0)
            if [each.end for each in inner] != [len(part)] or inner[0].value in _MANY:
                continue
            found = inner[0]
        if _READ.fullmatch(found.text) and (
            (found.text.isdigit() and not sure) or language.millions.isdisjoint(texts[:-1])
        ):
            first, last = part[0].at, part[-1].at
            merged += words[at:first]
            at = last + 1
            heard = tuple(item.words[0] for item in words[first:at])
            text = _text(found, texts, language)
            place = words[first].first, words[last].last, heard, words[first].apart
            merged.append(Item(*place, text, found.text, found.value, found.is_ordinal, sure=sure))
    return merged + words[at:]


def _words(tokens: Sequence[str]) -> Iterator[Item]:
    apart = True
    for at, token in enumerate(tokens):
        before, word, behind = edges(token)
        apart |= bool(before.strip())
        if word:
            digits = word if _DIGITS.fullmatch(word) and not before.strip() else ""
            value = float(digits) if digits.isdigit() else 0.0
            yield Item(at, at + 1, (word,), apart, digits, digits, value, given=digits != "")
        apart = bool(behind) if word else True


def _spoken(words: Sequence[Item], language: Language) -> Iterator[_Spoken]:
    for at, item in enumerate(words):
        word = item.words[0].lower()
        behind = words[at + 1].words[0].lower() if at + 1 < len(words) and not words[at + 1].apart else ""
        if word in language.articles and behind in language.hundreds:
            word = "one"  # "a hundred and ten"
        for n in range(language.repeats[word] - 1 if behind and word in language.repeats else 1):
            text = behind if behind and word in language.repeats else language.spoken.get(word, word)
            yield _Spoken(text, at, item.apart and n == 0)


def _text(found: Occurence, words: Sequence[str], language: Language) -> str:
    """Returns a number as it is written."""
    text: str = found.text.replace(*language.ordinal)
    value = found.value
    four_digits = language.grouped in words and value >= 1000 and not 2000 <= value < 2100  # no year
    if not text.isdigit() or text.startswith("0") or not (value >= _SEPARATED_FROM or four_digits):
        return text
    if language.thousands and value % 1000 == 0 and value < 1_000_000:
        return language.thousands.format(int(value) // 1000)
    return f"{int(value):,}".replace(",", language.separator)
