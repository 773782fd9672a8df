"""Words of a text, found again in the words that an engine has made of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORD = re.compile(r"\S+")
_EDGES = re.compile(r"^\W+|\W+$")


def aligned(text: str, spoken: Sequence[str]) -> list[int | None]:
    """Returns, for each word of `spoken`, which is `text` as an engine has rewritten it, the place in `text` of the
    word that it begins; None for a word that continues another, or corresponds to none."""
    matches = list(_WORD.finditer(text))
    words = [_plain(match[0]) for match in matches]
    others = [_plain(word) for word in spoken]
    if words == others:
        return [match.start() for match in matches]
    from difflib import SequenceMatcher

    places: list[int | None] = [None] * len(others)
    for kind, first, last, begin, end in SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        if kind == "equal" or (kind == "replace" and last - first == end - begin):
            for index in range(last - first):
                places[begin + index] = matches[first + index].start()
        elif kind == "replace":
            # Five words for three: each of the three begins where its share of the five does.
            share = (end - begin) / (last - first)
            for index in range(min(last - first, end - begin) if share < 1 else last - first):
                places[begin + int(index * max(share, 1.0))] = matches[first + index].start()
    return places


def _plain(word: str) -> str:
    return _EDGES.sub("", word).casefold()
