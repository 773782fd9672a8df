"""Phonemes of a text together with the words they come from, and of any text: hibari's own call gives neither."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from .english import readable

MODULES = tuple(f"hibari.g2p.{name}" for name in ("lexicon", "normalize", "tagger", "tokenize"))


def read(phonemizer: Any, text: str) -> tuple[str, list[tuple[str, int]]]:
    """Returns the phonemes of a text, and its words as hibari reads them, with their offsets in the phonemes."""
    try:
        return phonemize(phonemizer, readable(text))
    except (IndexError, ValueError):
        # hibari 0.2.1 has no names for numbers of more than 66 digits, nor for digits such as ④.
        return phonemize(phonemizer, _plain(text))


def phonemize(phonemizer: Any, text: str) -> tuple[str, list[tuple[str, int]]]:
    """Does what hibari's own call does, and keeps the words apart."""
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


def _plain(text: str) -> str:
    """Returns `text` with every digit by itself and in ASCII, and otherwise only letters and plain punctuation."""
    text = unicodedata.normalize("NFKC", text)
    text = "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in text)
    text = re.sub(r"(?<=[0-9])[.,]?(?=[0-9])", " ", text)
    return "".join(c if c.isalpha() or c in " 0123456789.,;:!?'\"" else " " for c in text)
