"""The spaces between two texts: none belongs beside Chinese and Japanese."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Ideographs, kana, their punctuation such as 「 and 。, and forms of full width. Korean and Thai put spaces.
_UNSPACED = "\u2e80-\u30ff\u31c0-\u31ff\u3400-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff9f\U00020000-\U0003ffff"
_ENDS = re.compile(rf"[{_UNSPACED}]\s*$")
_BEGINS = re.compile(rf"\s*[{_UNSPACED}]")


def between(before: str, after: str) -> str:
    """Returns the separator between two texts: a space, or nothing.

    >>> between("2024", "年"), between("です。", "2024年"), between("It is.", "2024 was.")
    ('', '', ' ')
    """
    return "" if _ENDS.search(before) or _BEGINS.match(after) else " "


def joined(texts: Iterable[str]) -> str:
    """Returns the texts in one line; those without a word are left out."""
    line = ""
    for text in filter(None, map(str.strip, texts)):
        line += f"{between(line, text)}{text}" if line else text
    return line
