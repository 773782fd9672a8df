"""The rules by which a language writes numbers, of its record in `languages.json`. Pure.

A rule has the words spoken and the text written for them. In the first, `a|b` is one word or the other, a word in
brackets has to be there and stays, and capitals are numbers and places:

    N  any number but 1, which is an article, too     A  any number
    H  an hour, 0 to 24           K  one of 1 to 12   M  minutes, in two digits
    D  a day, `five` or `fifth`   O  a day, `fifth`   C  1 to 99 cents
    V  17 to 19 of a year         T  10 to 20 of one  Y  the rest of it, in two digits
    J  a year in four digits      MONTH  a month      END  a sign, or the end of the text
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Item:
    """A word, or the words of a number.

    Attributes:
        first, last: the first token, and the one after the last.
        words: the tokens without the signs around them.
        apart: whether a sign stands before it.
        number: as it is written; empty for a word. `digits`: without separators.
        given: whether the engine wrote digits.
        sure: whether it is written in digits although it is small.
    """

    first: int
    last: int
    words: tuple[str, ...]
    apart: bool
    number: str = ""
    digits: str = ""
    value: float = 0.0
    ordinal: bool = False
    given: bool = False
    sure: bool = False


class Language:
    """The record of a language, each of its words in lower case but for months.

    Attributes:
        separator: between thousands, from five digits on; `grouped`: the word of numbers that have it with four.
        thousands: a template for a multiple of 1,000, if it is not written in full.
        articles: words that belong to a number before one of `hundreds`, and make "tenth" a fraction, as `of` does
            behind it.
        millions: words that stay, behind digits.
        joins: words between two numbers, of which both or none is in digits: "nine or ten".
        spoken: words as text2num takes them, such as "zero" for "oh".
        dictated: words such as PIN, before digits that count up and are one number all the same.
        repeats: words that repeat the digit behind them, and how often it is there then.
        ordinal: an ending of text2num's, and the usual one.
    """

    def __init__(self, code: str, record: Mapping[str, Any]) -> None:
        def words(key: str) -> frozenset[str]:
            return frozenset(record.get(key, "").split())

        self.code = code
        self.months, self.millions, self.joins = words("months"), words("millions"), words("joins")
        self.articles, self.hundreds, self.of = words("articles"), words("hundreds"), words("of")
        self.dictated = words("dictated")
        self.separator: str = record["separator"]
        self.grouped: str = record.get("grouped", "")
        self.thousands: str = record.get("thousands", "")
        self.spoken: Mapping[str, str] = record.get("spoken", {})
        self.repeats: Mapping[str, int] = record.get("repeats", {})
        self.ordinal: tuple[str, str] = record.get("ordinal", ("", ""))
        self.rules = [Rule(spoken, written, self.months) for spoken, written in record["rules"].items()]


@cache
def languages() -> Mapping[str, Language]:
    """Returns the languages that have a record, by code."""
    records = json.loads((resources.files(__package__) / "languages.json").read_text("utf-8"))
    return {code: Language(code, record) for code, record in records.items()}


def _whole(item: Item, low: int, high: int, digits: int = 0) -> bool:
    return item.digits.isdigit() and low <= item.value <= high and len(item.digits) == (digits or len(item.digits))


_KINDS: Mapping[str, Callable[[Item], bool]] = {
    "A": lambda item: not item.ordinal,
    "N": lambda item: not item.ordinal and item.value != 1,
    "H": lambda item: _whole(item, 0, 24),
    "K": lambda item: _whole(item, 1, 12),
    "M": lambda item: _whole(item, 0, 59, digits=2),
    "D": lambda item: _whole(item, 2, 31) or (item.ordinal and item.value <= 31),
    "O": lambda item: item.ordinal and item.value <= 31,
    "C": lambda item: _whole(item, 1, 99),
    "V": lambda item: _whole(item, 17, 19),
    "T": lambda item: _whole(item, 10, 20),
    "Y": lambda item: _whole(item, 1, 99, digits=2),
    "J": lambda item: _whole(item, 1000, 2999, digits=4),
}


class Rule:
    """A rule of a language with these months."""

    def __init__(self, spoken: str, written: str, months: frozenset[str]) -> None:
        parts = spoken.split()
        self._ends = parts[-1] == "[END]"
        self._parts = [part.strip("[]").split("|") for part in parts if part != "[END]"]
        kept = [part.startswith("[") for part in parts]
        self._before, self._count = kept.index(False), kept.count(False)
        self._written, self._months = written, months

    def match(self, items: Sequence[Item], at: int) -> tuple[int, str] | None:
        """Returns how many items from `at` on are replaced, and the text in their place; None where it does not fit."""
        start, behind = at - self._before, at - self._before + len(self._parts)
        if start < 0 or behind > len(items) or any(item.apart for item in items[start + 1 : behind]):
            return None
        if self._ends and behind < len(items) and not items[behind].apart:
            return None
        numbers = dict[str, str]()
        for part, item in zip(self._parts, items[start:behind], strict=True):
            if not any(self._is(each, item) for each in part):
                return None
            numbers[part[0]] = item.digits.zfill(2) if part[0] == "C" else item.number
        return self._count, self._written.format(**numbers)

    def _is(self, part: str, item: Item) -> bool:
        if part == "MONTH":
            return item.words[0] in self._months
        if kind := _KINDS.get(part):
            return item.number != "" and kind(item)
        return len(item.words) == 1 and item.words[0].lower() == part.lower()
