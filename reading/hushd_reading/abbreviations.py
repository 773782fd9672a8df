"""Knows the abbreviations of a language: those that end no sentence, and the words for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import NamedTuple

from .language import Language, table

_KINDS = ("goes_on", "may_end", "before_number")
NUMERAL = r"(?:\d|[IVXLC]{2,7}\b|[VX]\b|I(?=[,.;)]|\Z)|[LRD]\.? ?\d)"


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
    numeral: Callable[[str], re.Match[str] | None] = re.compile(NUMERAL).match


class Written(NamedTuple):
    """Abbreviations as they may be written, with their words: those that need a number behind them, those of a letter,
    which need a name, and the others."""

    numbered: Mapping[str, str]
    named: Mapping[str, str]
    always: Mapping[str, str]


@cache
def abbreviations(code: str) -> Abbreviations:
    """Returns the abbreviations of a language, or of English. A letter alone is none: it is an initial as well."""
    rows = table(code)
    whole = {kind: [key.casefold().split() for key in rows[kind]] for kind in _KINDS}
    inner = (word for key in whole.values() for words in key for word in words[:-1])
    last = {kind: _bare(words[-1] for words in key) for kind, key in whole.items()}
    last["goes_on"] |= {scale.rstrip(".").casefold() for scale in rows.get("scales", ()) if scale[-1] == "."}
    last["before_number"] |= {day.casefold() for day in rows.get("days", ())}
    return Abbreviations(
        last["goes_on"] | _bare(inner), last["may_end"], last["before_number"], frozenset(rows["begins"].split())
    )


@cache
def written(language: Language) -> Written:
    """Returns all forms of the abbreviations that have words: with a capital or without, with a blank inside or not."""
    numbered, named, always = dict[str, str](), dict[str, str](), dict[str, str]()
    own = {short for kind in (*_KINDS, "other") for short in language.get(kind, {})}  # Gen. beside gen.
    for kind in (*_KINDS, "other"):
        for short, words in language.get(kind, {}).items():
            forms = numbered if kind == "before_number" else named if len(short) == 2 else always
            for blank in (" ", "", "\u00a0", "\u202f") if words else ():
                form = short.replace(" ", blank)
                others = {form[0].upper() + form[1:], *([form.lower()] if len(short) > 3 else [])} - own
                forms |= dict.fromkeys((*others, form), words)
    return Written(numbered, named, always)


def _bare(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.rstrip(".") for word in words if len(word) > 2)
