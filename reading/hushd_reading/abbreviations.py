"""Knows the abbreviations of a language: those that end no sentence, and the words for them.

They stand in languages.json, which also has the words that begin sentences, names of rulers, and words before Roman
numerals. English has no words for its own: its engines know them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from .words import table

_KINDS = ("goes_on", "may_end", "before_number")
_NUMERAL = r"(?:\d|[IVXLC]{2,7}\b|[VX]\b)"


class Abbreviations(NamedTuple):
    """The last words of abbreviations, in lower case and without their full stop, by the sentence around them.

    Attributes:
        goes_on: those after which it goes on.
        may_end: those that end it only before one of `begins`, words that usually begin sentences.
        before_number: those that end it unless a number follows, for which there is `numeral`.
    """

    goes_on: frozenset[str]
    may_end: frozenset[str]
    before_number: frozenset[str]
    begins: frozenset[str]
    numeral: Callable[[str], re.Match[str] | None] = re.compile(_NUMERAL).match


@cache
def abbreviations(language: str) -> Abbreviations:
    """Returns the abbreviations of a language. A letter alone is none: it is an initial as well."""
    rows = table(language)
    whole = {kind: [key.casefold().split() for key in rows[kind]] for kind in _KINDS}
    inner = (word for key in whole.values() for words in key for word in words[:-1])
    last = {kind: _bare(words[-1] for words in key) for kind, key in whole.items()}
    return Abbreviations(
        last["goes_on"] | _bare(inner), last["may_end"], last["before_number"], frozenset(rows["begins"].split())
    )


@cache
def spoken(language: str) -> tuple[re.Pattern[str], Callable[[re.Match[str]], str]] | None:
    """Returns the pattern of abbreviations and of days with a dash between, and what to say instead; or None."""
    rows = table(language)
    if "days" not in rows:
        return None
    known = {key: words for kind in _KINDS for key, words in rows[kind].items() if words}
    names: dict[str, str] = {day.casefold(): name for day, name in rows["days"].items()}
    days = "|".join(f"{day}|{day.capitalize()}" for day in rows["days"])
    forms = [
        f"[{key[0].upper()}{key[0]}]{re.escape(key[1:])}".replace(r"\ ", r"\s?")
        + (rf"(?=\s?{_NUMERAL})" if key in rows["before_number"] else r"(?=\s+[^\W\d_a-z])" if len(key) == 2 else "")
        for key in sorted(known, key=len, reverse=True)
    ]
    exact = {key.replace(" ", ""): words for key, words in known.items()}
    written: dict[str, str] = {key[0].upper() + key[1:]: words for key, words in exact.items()} | exact

    def words(match: re.Match[str]) -> str:
        after = match.string[match.end() : match.end() + 1]
        end = "." if not after else " " if after.isalnum() else ""
        if match["from"]:
            return f"{names[match['from'].casefold()]} {rows['to']} {names[match['until'].casefold()]}{end}"
        return written[re.sub(r"\s", "", match[0])] + end

    pattern = rf"(?<![\w.])(?:(?P<from>{days})\.?\s?[-–]\s?(?P<until>{days})\b\.?|{'|'.join(forms)})"
    return re.compile(pattern), words


def _bare(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.rstrip(".") for word in words if len(word) > 2)
