"""Reads formulas: finds LaTeX in a text that arrives, and says it in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from hushd_models import languages

from hushd_reading.items import FORMULA, MappedText

from .finder import Finder, spoken

LANGUAGES = ("de", "en", "es", "fr", "it", "pt")  # those with a table in words/
_SIGNS = "$`\\~"  # a text without them has neither LaTeX nor code
_RAISED = re.compile(f"[{FORMULA}⁰¹²³⁴-⁹⁺⁻ⁿ√]")


class Formulas:
    """The formulas of one text, for a language with words for them; any other text is passed on as it is."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._able = languages.code(language) in LANGUAGES
        self._finder: Finder | None = None

    def hidden(self, slices: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
        """Yields the slices of a text, each formula of which is a mark; a formula that has begun is held back."""
        at, before, rest = 0, "", iter(slices)
        for text, final in rest:
            if self._able and any(sign in text for sign in _SIGNS):
                self._finder = Finder(at, before)
                yield from self._finder.hidden(chain([(text, final)], rest))
                return
            at, before = at + len(text), text[-1:] or before
            yield text, final

    def spoken(self, text: MappedText) -> MappedText:
        """Returns a text with the words of its formulas, and of raised numbers and roots such as x² and √2."""
        if not self._able or not _RAISED.search(text.text):
            return text
        return spoken(text, self._finder.formulas if self._finder else {}, self._language)
