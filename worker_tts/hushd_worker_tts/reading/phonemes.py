"""Marks words in the International Phonetic Alphabet inside an engine's text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

# Characters of Unicode's private use area, which `reader` removes from texts.
OPEN, CLOSE = "\ue000", "\ue001"
_MARKED = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")
_SYLLABLES = re.compile(r"[.‿]")


def marked(ipa: str) -> str:
    """Returns phonemes for an engine's text: each word between marks, without the signs of syllables."""
    return " ".join(f"{OPEN}{word}{CLOSE}" for word in _SYLLABLES.sub("", ipa).split())


def parts(text: str) -> Iterator[tuple[str, bool]]:
    """Yields the parts of an engine's text, and whether each is phonemes."""
    end = 0
    for match in _MARKED.finditer(text):
        if match.start() > end:
            yield text[end : match.start()], False
        yield match[1], True
        end = match.end()
    if end < len(text):
        yield text[end:], False


def phonemized(text: str, words: Callable[[str], str]) -> str:
    """Returns the phonemes of an engine's text; `words` converts ordinary words, and spaces are kept."""
    return "".join(part if phonemes else _spaced(part, words(part.strip())) for part, phonemes in parts(text))


def _spaced(part: str, phonemes: str) -> str:
    return " " * part[0].isspace() + phonemes + " " * (part[-1].isspace() and bool(part.strip()))


def said(ipa: str, written: str, language: str, phonemes: bool) -> str:
    """Returns the form of a word for an engine's text: its phonemes if the engine reads them, letters if it reads
    English, otherwise the word as written."""
    if phonemes:
        return marked(ipa)
    if not language.lower().startswith("en"):
        return written
    from .spelling import spelled  # rarely needed

    return spelled(_SYLLABLES.sub("", ipa)) or written
