"""Finds the parts of a text that are not words, and decides the semiotic class of each.

The classes are those of Ebert and Sproat (2014) and Taylor (2009, ch. 5).

A shape is a pattern, and a decision: the class by what stands beside it, or none. `1/2` is a date after "on", a
fraction before "cup", a tally before "tests". Each pattern is only made once a text has a sign that it needs.
"""

from __future__ import annotations

import re
from functools import cache

from . import shapes
from .language import Language
from .near import Near, Token

_DIGIT = re.compile(rf"[\d{shapes.VULGAR}]")


def classify(text: str, language: Language) -> list[Token]:
    """Returns the tokens of a text, in its order; words and signs between them are read as they are written."""
    tokens: list[Token] = []
    taken = bytearray(len(text))
    known = [*shapes.of_digits(language)] if _DIGIT.search(text) else []
    for shape in [*known, *shapes.of_letters(language)]:
        if shape.needs and not re.search(shape.needs, text):
            continue
        for match in _compiled(shape.pattern).finditer(text):
            start, end = match.span()
            if start == end or 1 in taken[start:end]:
                continue
            parts = {name: part for name, part in match.groupdict().items() if part}
            kind = shape.decide(parts, Near(text, start, end, language)) if shape.decide else shape.kind
            if kind:
                taken[start:end] = b"\1" * (end - start)
                tokens.append(Token(kind, start, end, parts))
    return sorted(tokens, key=lambda token: token.start)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
