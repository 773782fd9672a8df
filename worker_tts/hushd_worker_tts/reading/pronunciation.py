"""Pronunciation of a piece: as it is written, or rewritten where no engine reads it well."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .source_map import MappedText
from .words import Words

# Matches whatever may need rewriting: anything but letters, digits and plain punctuation, and names as in code and
# addresses. Compiling the rules themselves costs a cold start 15 ms, and most sentences never need them.
_ODD = re.compile(r"[^\w\s.,;:!?'’\"“”()$€£%-]|_|[^\W\d_]\.[^\W\d_]|[a-z][A-Z]|(?:^|\s)-+[A-Za-z]|\(\)|  ")


class Pronouncer:
    """Rewrites pieces for one language and one table of pronunciations.

    Args:
        pronounce: from a word, or several, to its pronunciation. A word in lower case stands for any case, one with a
            capital for itself only.
    """

    def __init__(self, words: Words | None, pronounce: Mapping[str, str]) -> None:
        self._words = words
        self._pronounce = _pronunciations(pronounce)
        self._rewrite: Any = None

    def __call__(self, text: MappedText) -> MappedText:
        if self._pronounce is not None:
            text = text.sub(*self._pronounce)
        if not _ODD.search(text.text):
            return text
        if self._rewrite is None:
            from .rewriting import Rewriting

            self._rewrite = Rewriting(self._words)
        rewritten: MappedText = self._rewrite(text)
        return rewritten


def _pronunciations(table: Mapping[str, str]) -> tuple[re.Pattern[str], Callable[[re.Match[str]], str]] | None:
    if not table:
        return None
    lowered = {word: spoken for word, spoken in table.items() if word == word.lower()}
    alternatives = "|".join(
        f"(?i:{re.escape(word)})" if word in lowered else re.escape(word)
        for word in sorted(table, key=lambda word: (len(word), word != word.lower()), reverse=True)
    )
    return (
        re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)"),
        lambda match: table[match[0]] if match[0] in table else lowered[match[0].lower()],
    )
