"""The words that hushd adds to speech, in the languages for which it has any.

In other languages it adds none: addresses go to the engine without their scheme, code blocks are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace

from hushd_models import languages

from .language import language as named
from .language import table


class Words(SimpleNamespace):
    """The words of one language, by their keys in its table, and `symbols`: signs in a row that are read."""


def words(language: str) -> Words | None:
    """Returns the words of a language, by its tag, or None."""
    known = named(language)
    if known is None:
        return None
    return Words(**known["words"], symbols=known["symbols"])


_SIGN = re.compile(
    r"(?P<minus>(?<!\S)-(?=\d))|(?P<before>[€$£])\s?(?P<amount>\d+(?:[.,]\d+)*)|(?<=\d)\s?(?P<after>[€$£%])"
)


@cache
def signs(language: str) -> tuple[re.Pattern[str], Callable[[re.Match[str]], str]] | None:
    """Returns the signs beside a number, for a language in which espeak-ng drops one or reads it wrong, and what makes
    words of those; None for any other language."""
    names = table("common")["dropped"].get(languages.code(language))
    if names is None:
        return None

    def word(sign: re.Match[str]) -> str:
        if sign["minus"]:
            return f"{names['-']} " if "-" in names else sign[0]
        name = names.get(sign["before"] or sign["after"])
        return f"{sign['amount'] or ''} {name}" if name else sign[0]

    return _SIGN, word


def announced(words: Words, kind: str, lines: int) -> str:
    """Returns the sentence that is spoken instead of a block of code.
    `kind`: the first word after the fence, such as `python`, `diff` or `table`."""
    kind = kind.lower()
    if lines > 1 and kind in ("diff", "patch", "table"):
        return str((words.table if kind == "table" else words.diff).format(lines))
    language = table("common")["programming"].get(kind)
    template = words.code_line if lines == 1 else words.code_block
    return str(template.format(lines, words.of.format(language) if language else ""))
