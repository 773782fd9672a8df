"""Aligns the words of a text with the words into which an engine has rewritten it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORD = re.compile(r"\S+")
_EDGES = re.compile(r"^\W+|\W+$")


def aligned(text: str, spoken: Sequence[str]) -> list[int | None]:
    """Returns, for each word of `spoken`, an engine's rewriting of `text`, the place of the word in `text` that it
    begins; None for a word that continues another, or corresponds to no word."""
    matches = list(_WORD.finditer(text))
    words = [_plain(match[0]) for match in matches]
    spoken_words = [_plain(word) for word in spoken]
    if words == spoken_words:
        return [match.start() for match in matches]
    from difflib import SequenceMatcher

    places: list[int | None] = [None] * len(spoken_words)
    for kind, first, last, begin, end in SequenceMatcher(None, words, spoken_words, autojunk=False).get_opcodes():
        if kind == "equal" or (kind == "replace" and last - first == end - begin):
            for index in range(last - first):
                places[begin + index] = matches[first + index].start()
        elif kind == "replace":
            # If five words replace three, each of the three begins with its share of the five.
            share = (end - begin) / (last - first)
            for index in range(min(last - first, end - begin) if share < 1 else last - first):
                places[begin + int(index * max(share, 1.0))] = matches[first + index].start()
    return places


def _plain(word: str) -> str:
    return _EDGES.sub("", word).casefold()
