"""Removes a wake word from the beginning of a text."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def without_start(text: str, start: str) -> str:
    """Returns the text without the words `start` at its beginning; ignores case and punctuation."""
    words, first = list(_WORD.finditer(text)), [word.casefold() for word in _WORD.findall(start)]
    if not first or [word[0].casefold() for word in words[: len(first)]] != first:
        return text
    return text[words[len(first) - 1].end() :].lstrip(" ,;:.!?–—-\n")
