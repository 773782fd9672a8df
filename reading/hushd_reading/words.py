"""The words that hushd adds to speech, in the languages for which it has any.

In other languages it adds none: addresses go to the engine without their scheme, code blocks are skipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hushd_models import languages
from hushd_protocol.light_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language.

    Attributes:
        code_line, code_block: templates for the number of lines, and for ` of Python` or nothing.
        of: a template for the name of a language.
        diff, table: templates for the number of lines or rows.
        an_id, a_hash: what is said instead of a UUID or a key, and of a hash.
        out_of: between the numbers of a tally, as in 3 of 10.
        symbols: the symbols that are read alone or between words.
    """

    dot: str
    slash: str
    at: str
    dash: str
    colon: str
    code_line: str
    code_block: str
    of: str
    diff: str
    table: str
    image: str
    an_id: str
    a_hash: str
    out_of: str
    done: str
    open: str
    symbols: Mapping[str, str]


_LANGUAGES = Path(__file__).with_name("languages.json")


@cache
def tables() -> Mapping[str, Any]:
    """Returns all of languages.json: a table for each language, signs that espeak-ng drops in others, the words whose
    hyphen at a line's end is their own, those after a number that it does not count, and programming languages by their
    names in code blocks."""
    return json.loads(_LANGUAGES.read_text("utf-8"))  # type: ignore[no-any-return]


def table(language: str) -> Mapping[str, Any]:
    """Returns the table of a language, by its tag; English's for one without."""
    code = languages.code(language)
    return tables()[code if code in tables() else "en"]  # type: ignore[no-any-return]


def words(language: str) -> Words | None:
    """Returns the words of a language, by its tag, or None."""
    rows = tables().get(languages.code(language))
    return None if rows is None else Words(**rows["words"], symbols=rows["symbols"])


_SIGN = re.compile(
    r"(?P<minus>(?<!\S)-(?=\d))|(?P<before>[€$£])\s?(?P<amount>\d+(?:[.,]\d+)*)|(?<=\d)\s?(?P<after>[€$£%])"
)


@cache
def signs(language: str) -> tuple[re.Pattern[str], Callable[[re.Match[str]], str]] | None:
    """Returns the signs beside a number, for a language in which espeak-ng drops one or reads it wrong, and what makes
    words of those; None for any other language."""
    names = tables()["signs"].get(languages.code(language))
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
        return (words.table if kind == "table" else words.diff).format(lines)
    language = tables()["programming"].get(kind)
    return (words.code_line if lines == 1 else words.code_block).format(
        lines, words.of.format(language) if language else ""
    )
