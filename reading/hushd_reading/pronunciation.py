"""Rewrites the words of a piece that need a different pronunciation, or that no engine reads well: as phonemes of the
International Phonetic Alphabet between marks, where the engine reads them, or in letters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hushd_schema.pronunciations import ipa

from .developers import said
from .in_words import in_words
from .items import MappedText
from .language import language as named
from .words import Words, signs

# Matches all text that may need rewriting: anything except letters, digits and plain punctuation, and names as in code
# and addresses. Compiling the rules themselves takes 15 ms of a cold start, and most sentences never need them.
_ODD = re.compile(
    r"[^\w\s.,;:!?'’\"“”()$€£%-]|_|[^\W\d_]\.[^\W\d_]|[a-z][A-Z]|(?:^|\s)-+[A-Za-z]|\(\)|  "
    "|[\u2160-\u217fʰ-ʸˡˢᴬ-ᵛᶜᶠⁿ]"
    r"|-{3}|:{3}|\.NET|\d[A-Fa-f]|[A-Fa-f]\d|\b0\d|\d[-. ]\d{4}|-\n"
)

_DIGIT = re.compile(r"\d")
_APOSTROPHE = re.compile(r"(?<=\w\.)’(?=\w)")  # typographic: espeak-ng ends a clause at it


class Pronouncer:
    """Rewrites pieces for one language and one table of pronunciations.

    Args:
        pronounce: by word, or several words, the pronunciation, in letters or in phonemes between slashes. A word in
            lower case matches any case, a word with a capital only itself.
        phonemes: whether the engine reads phonemes; other engines get the word as it is written instead.
        respelt: whether words of programs are spelt as a voice says them.
    """

    def __init__(
        self,
        words: Words | None,
        pronounce: Mapping[str, str],
        language: str = "en",
        phonemes: bool = False,
        respelt: bool = True,
    ) -> None:
        self._respelt = language if respelt else ""
        self._words, self._language, self._named = words, language, named(language)
        self._pronounce = _pronunciations(pronounce, phonemes)
        self._own = {word.lower() for word in pronounce}
        self._rewrite: Any = None

    def __call__(self, text: MappedText) -> MappedText:
        if self._pronounce is not None:
            text = text.sub(*self._pronounce)
        text = said(text.sub(_APOSTROPHE, "'"), self._respelt, self._own, names=True)
        if _ODD.search(text.text):
            if self._rewrite is None:
                from .rewriting import Rewriting  # noqa: PLC0415 - 30 ms, for addresses and names in code

                self._rewrite = Rewriting(self._words, self._named.words("dotted") if self._named else ())
            text = self._rewrite(text)
        text = said(text, self._respelt, self._own)
        if self._named is not None:
            return in_words(text, self._named)
        if _DIGIT.search(text.text) and (lost := signs(self._language)):
            text = text.sub(*lost)
        return text


def _pronunciations(
    table: Mapping[str, str], phonemes: bool
) -> tuple[re.Pattern[str], Callable[[re.Match[str]], str]] | None:
    if not table:
        return None

    words = sorted(table, key=lambda word: (len(word), word != word.lower()), reverse=True)
    alternatives = "|".join(
        f"((?i:{re.escape(word)}))" if word == word.lower() else f"({re.escape(word)})" for word in words
    )

    def replacement(match: re.Match[str]) -> str:
        spoken = table[words[(match.lastindex or 1) - 1]]  # not by its letters: without case, a long s is an s
        if not (sounds := ipa(spoken)):
            return spoken
        return marked(sounds) if phonemes else match[0]

    return re.compile(rf"(?<![\w{OPEN}])(?:{alternatives})(?![\w{CLOSE}])"), replacement


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

    def spaced(part: str) -> str:
        return " " * part[0].isspace() + words(part.strip()) + " " * (part[-1].isspace() and bool(part.strip()))

    return "".join(part if phonemes else spaced(part) for part, phonemes in parts(text))
