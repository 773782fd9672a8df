"""Words in the International Phonetic Alphabet within an engine's text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

# Characters of Unicode's private use area, which `reader` takes out of what is to be spoken.
OPEN, CLOSE = "\ue000", "\ue001"
_MARKED = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")
_SYLLABLES = re.compile(r"[.‿]")


def marked(ipa: str) -> str:
    """Returns phonemes as they stand in an engine's text: each word between marks, without the signs of syllables."""
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
    """Returns the phonemes of an engine's text, of which `words` makes those of words; spaces stay where they are."""
    return "".join(part if phonemes else _spaced(part, words(part.strip())) for part, phonemes in parts(text))


def _spaced(part: str, phonemes: str) -> str:
    return " " * part[0].isspace() + phonemes + " " * (part[-1].isspace() and bool(part.strip()))


def said(ipa: str, written: str, language: str, phonemes: bool) -> str:
    """Returns what an engine's text has for a word: its phonemes for one that reads them, letters where it reads
    English, else the word as it is written."""
    if phonemes:
        return marked(ipa)
    if not language.lower().startswith("en"):
        return written
    from .spelling import spelled  # few engines and fewer words need it

    return spelled(_SYLLABLES.sub("", ipa)) or written
