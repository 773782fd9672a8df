"""The spaces between two texts: none belongs beside Chinese and Japanese."""

from __future__ import annotations

from collections.abc import Iterable

# The first and the last each of ideographs, kana, their punctuation such as 「 and 。, and forms of full width. Korean
# and Thai put spaces. A pattern of them would take 5 ms to compile, of each command's start.
_ENDS = "\u2e80\u30ff\u31c0\u31ff\u3400\u9fff\uf900\ufaff\ufe30\ufe4f\uff00\uff9f\U00020000\U0003ffff"
_UNSPACED = [*zip(_ENDS[::2], _ENDS[1::2], strict=True)]


def between(before: str, after: str) -> str:
    """Returns the separator between two texts: a space, or nothing.

    >>> between("2024", "年"), between("です。", "2024年"), between("It is.", "2024 was.")
    ('', '', ' ')
    """
    beside = before[max(0, len(before.rstrip()) - 1) :] + after[: len(after) - len(after.lstrip()) + 1]
    return "" if any(first <= each <= last for each in beside for first, last in _UNSPACED) else " "


def joined(texts: Iterable[str]) -> str:
    """Returns the texts in one line; those without a word are left out."""
    line = ""
    for text in filter(None, map(str.strip, texts)):
        line += f"{between(line, text)}{text}" if line else text
    return line
