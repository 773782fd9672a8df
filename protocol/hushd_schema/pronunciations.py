"""The user's pronunciations of words, in one file for all engines and programs.

The file, `pronunciations.txt` beside the configuration, has a line for each word:

    nginx -> engine x       # in ordinary words
    gnocchi -> /njɒki/      # or in the International Phonetic Alphabet, between slashes
    [de]                    # the following lines are for voices of this language only
    Router -> Ruter

A word in lower case matches any case, a word with a capital only itself. A later line wins over an earlier one, and a
line for a language over one for all languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import quoted

from . import own_lists
from .own_lists import REMARK

MAX_WORD_CHARACTERS = 200  # characters of a word, and of its pronunciation
_ARROW = "->"
_SECTION = re.compile(r"\[\s*([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*)\s*\]")
_SPACES = re.compile(r"\s+")
_IPA_SIGNS = frozenset("ˈˌ.ː̩ ")


@dataclass(frozen=True, slots=True)
class Pronunciations:
    """The entries of a file.

    Attributes:
        tables: words and their pronunciations, by language in lower case (empty: all languages).
        mistakes: a sentence for each invalid line, and for a file that is not as a list should be.
    """

    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    mistakes: tuple[str, ...] = ()

    def table(self, language: str) -> dict[str, str]:
        """Returns the words for a voice of `language`: for de-AT those of all languages, of de, and of de-AT."""
        table: dict[str, str] = {}
        parts = language.lower().replace("_", "-").split("-")
        for count in range(len(parts) + 1):
            table |= self.tables.get("-".join(parts[:count]), {})
        return table


def ipa(spoken: str) -> str:
    """Returns the phonemes of a pronunciation between slashes; empty for one in letters."""
    return spoken[1:-1].strip() if len(spoken) > 2 and spoken[0] == spoken[-1] == "/" else ""


def entry(word: str, spoken: str) -> tuple[str, str]:
    """Normalises a word and its pronunciation for a table.
    Raises `bad_request` for a word that no text could contain, or an unreadable pronunciation."""
    word, spoken = (_SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip() for text in (word, spoken))
    if not (word.isprintable() and any(map(str.isalnum, word))) or _ARROW in word or REMARK.search(word):
        raise HushdError("bad_request", f"{quoted(word)} cannot occur in a text: write the word as texts have it.")
    if not (spoken and spoken.isprintable()) or REMARK.search(spoken):
        raise HushdError("bad_request", f"{quoted(word)} lacks a pronunciation, such as NYOH-kee or /ˈnjɒki/.")
    if max(len(word), len(spoken)) > MAX_WORD_CHARACTERS:
        raise HushdError(
            "bad_request",
            f"{quoted(word)} or its pronunciation has more than {MAX_WORD_CHARACTERS} characters: shorten it.",
        )
    if odd := [sign for sign in ipa(spoken) if not (sign in _IPA_SIGNS or unicodedata.category(sign)[0] in "LM")]:
        raise HushdError("bad_request", f"{quoted(spoken)} is not in the phonetic alphabet, which has no {odd[0]}.")
    return word, spoken


def parse(text: str, name: str) -> Pronunciations:
    """Returns the entries of a file's text, and a sentence for each invalid line."""
    tables: dict[str, dict[str, str]] = {}
    mistakes = []
    for number, (line, language) in enumerate(_lines(text), start=1):
        word, arrow, spoken = line.partition(_ARROW)
        if not line or _SECTION.fullmatch(line):
            continue
        try:
            if not arrow:
                raise HushdError("bad_request", f"{quoted(line)} has no {_ARROW} between a word and its pronunciation.")
            word, spoken = entry(word, spoken)
            tables.setdefault(language, {})[word] = spoken
        except HushdError as error:
            mistakes.append(f"{name}, line {number}: {error.message}")
    return Pronunciations(tables, tuple(mistakes))


def read(path: Path) -> Pronunciations:
    """Returns the entries of a file as a request carries them; none if it does not exist. Its first mistake is that it
    cannot be read, is not text, or is too long."""
    listed = own_lists.carried(path, "lines")
    parsed = parse(listed.get("lines", ""), path.name)
    return replace(parsed, mistakes=(*filter(None, [listed.get("list_fault")]), *parsed.mistakes))


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yields each line without its comment, with its language."""
    language = ""
    for line in text.splitlines():
        line = REMARK.sub("", line).strip()
        if section := _SECTION.fullmatch(line):
            language = section[1].lower().replace("_", "-")
        yield line, language
