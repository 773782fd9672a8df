"""Reads any text as phonemes, together with their words; hibari's own call fails on some texts, and returns no words.

hibari's words are not always those of the text: `aligned` finds the places of the ones in the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from hushd_reading.pronunciation import CLOSE, OPEN, parts

# The signs of hibari's models for sounds that the phonetic alphabet writes with several signs, or other ones.
_SIGNS = {
    "tʃ": "ʧ", "dʒ": "ʤ", "eɪ": "A", "aɪ": "I", "oʊ": "O", "əʊ": "Q", "aʊ": "W", "ɔɪ": "Y", "ɚ": "əɹ", "ɝ": "ɜɹ",
    "g": "ɡ", "r": "ɹ", "ɫ": "l", "\u0361": "",
}  # fmt: skip
_SIGN = re.compile("|".join(_SIGNS))
_WORD = re.compile(r"\S+")
# hibari looks at each part of a word, from every sign to every other: signs without a blank would take minutes.
_CROWDED = re.compile(r"(?:\w{0,80}[^\w\s]){6}(?=[^\s\d])|(?!\d{40})\S{40}(?=\S)")
_EDGES = re.compile(r"^\W+|\W+$")


def read(phonemizer: Any, text: str) -> tuple[str, list[tuple[str, int]]]:
    """Returns the phonemes of a text, and hibari's words with their offsets in the phonemes.

    Text that `reading.phonemes` has marked as phonemes is kept, in the signs of hibari's models.
    """
    if OPEN not in text:
        return _read(phonemizer, text)
    phonemes, words = "", list[tuple[str, int]]()
    for part, sounds in parts(text):
        begins = phonemes + " " * (bool(phonemes) and part[0].isspace())
        if sounds:
            words.append((OPEN + part + CLOSE, len(begins)))
            phonemes = begins + _SIGN.sub(lambda match: _SIGNS[match[0]], part)
        elif part.strip():
            made, named = _read(phonemizer, part)
            words += [(word, len(begins) + at) for word, at in named]
            phonemes = begins + made + " " * part[-1].isspace()
        else:
            phonemes = begins
    return phonemes, words


def _read(phonemizer: Any, text: str) -> tuple[str, list[tuple[str, int]]]:
    return phonemize(phonemizer, _CROWDED.sub(lambda match: match[0] + " ", text))


def phonemize(phonemizer: Any, text: str) -> tuple[str, list[tuple[str, int]]]:
    """Works like hibari's own call, but keeps the words separate."""
    from hibari.g2p.normalize import normalize

    phonemes, words = "", []
    begins, space = True, ""
    for token in phonemizer.phonemize_tokens(phonemizer.tokenize(normalize(text))):
        phonemes += space
        if begins:
            words.append((token.text, len(phonemes)))
        else:
            words[-1] = (words[-1][0] + token.text, words[-1][1])
        phonemes += phonemizer.unk if token.phonemes is None else token.phonemes
        begins = bool(token.whitespace)
        space = " " if begins else ""
    return phonemes, words


def aligned(text: str, spoken: Sequence[str]) -> list[int | None]:
    """Returns, for each word of `spoken`, an engine's rewriting of `text`, the place of the word in `text` that it
    begins; None for a word that continues another, or corresponds to no word."""
    matches = list(_WORD.finditer(text))
    words = [_bare(match[0]) for match in matches]
    spoken_words = [_bare(word) for word in spoken]
    if words == spoken_words:
        return [match.start() for match in matches]

    places: list[int | None] = [None] * len(spoken_words)
    for kind, first, last, begin, end in SequenceMatcher(None, words, spoken_words, autojunk=False).get_opcodes():
        if kind == "equal" or (kind == "replace" and last - first == end - begin):
            for index in range(last - first):
                places[begin + index] = matches[first + index].start()
        elif kind == "replace":
            # Five words that replace three give each of the three its share of the five.
            share = (end - begin) / (last - first)
            for index in range(min(last - first, end - begin) if share < 1 else last - first):
                places[begin + int(index * max(share, 1.0))] = matches[first + index].start()
    return places


def _bare(word: str) -> str:
    return _EDGES.sub("", word).casefold()
