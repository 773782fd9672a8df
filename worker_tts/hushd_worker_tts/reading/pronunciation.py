"""Rewrites the words of a piece that need a different pronunciation, or that no engine reads well."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .phonemes import CLOSE, OPEN
from .source_map import MappedText
from .words import Words

if TYPE_CHECKING:
    from hushd_schema.pronunciations import Pronunciations

# Matches all text that may need rewriting: anything except letters, digits and plain punctuation, and names as in code
# and addresses. Compiling the rules themselves takes 15 ms of a cold start, and most sentences never need them.
_ODD = re.compile(
    r"[^\w\s.,;:!?'’\"“”()$€£%-]|_|[^\W\d_]\.[^\W\d_]|[a-z][A-Z]|(?:^|\s)-+[A-Za-z]|\(\)|  "
    r"|-{3}|:{3}|\.NET|\d[A-Fa-f]|[A-Fa-f]\d"
)


class PronunciationFile:
    """The user's own pronunciations, read again after a change of their file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._entries: Pronunciations | None = None

    def entries(self) -> Pronunciations | None:
        """Returns the content of the file; None if there is no file.

        Raises:
            HushdError: `input_unreadable`.
        """
        try:
            status = self._path.stat()
        except OSError:
            return None
        if (seen := (status.st_ino, status.st_mtime_ns, status.st_size)) != self._seen:
            from hushd_schema.pronunciations import read

            self._entries, self._seen = read(self._path), seen
        return self._entries


class Pronouncer:
    """Rewrites pieces for one language and one table of pronunciations.

    Args:
        pronounce: by word, or several words, the pronunciation, in letters or in phonemes between slashes. A word in
            lower case matches any case, a word with a capital only itself.
        language: the voice's language.
        phonemes: whether the engine reads phonemes.
    """

    def __init__(
        self, words: Words | None, pronounce: Mapping[str, str], language: str = "en", phonemes: bool = False
    ) -> None:
        self._words = words
        self._pronounce = _pronunciations(pronounce, language, phonemes)
        self._rewrite: Any = None

    def __call__(self, text: MappedText) -> MappedText:
        if self._pronounce is not None:
            text = text.sub(*self._pronounce)
        if not _ODD.search(text.text):
            return text
        if self._rewrite is None:
            from .rewriting import Rewriting

            self._rewrite = Rewriting(self._words)
        rewritten: MappedText = self._rewrite(text)
        return rewritten


def _pronunciations(
    table: Mapping[str, str], language: str, phonemes: bool
) -> tuple[re.Pattern[str], Callable[[re.Match[str]], str]] | None:
    if not table:
        return None
    from hushd_schema.pronunciations import ipa  # only needed with a table, which most requests do not have

    from .phonemes import said

    lowered = {word: spoken for word, spoken in table.items() if word == word.lower()}
    alternatives = "|".join(
        f"(?i:{re.escape(word)})" if word in lowered else re.escape(word)
        for word in sorted(table, key=lambda word: (len(word), word != word.lower()), reverse=True)
    )

    def replacement(match: re.Match[str]) -> str:
        spoken = table[match[0]] if match[0] in table else lowered[match[0].lower()]
        return said(sounds, match[0], language, phonemes) if (sounds := ipa(spoken)) else spoken

    return re.compile(rf"(?<![\w{OPEN}])(?:{alternatives})(?![\w{CLOSE}])"), replacement
