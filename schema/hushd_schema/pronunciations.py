"""The user's pronunciations: words and how they are said, in one file that every engine and program goes by.

The file, `pronunciations.txt` beside the configuration, has a line for each word:

    nginx -> engine x       # as other words would be read
    gnocchi -> /njɒki/      # or in the International Phonetic Alphabet, between slashes
    [de]                    # from here on for voices of this language alone
    Router -> Ruter

A word in lower case stands for any case, one with a capital for itself only. A later line wins over an earlier one, a
language's over those of all.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass, field
from hushd_protocol.suggest import quoted
from hushd_protocol.system import atomic_file

LONGEST = 200  # characters of a word, and of how it is said
_LARGEST = 1 << 20  # bytes of the file
_ARROW = "->"
_COMMENT = re.compile(r"(^|\s)#.*")
_SECTION = re.compile(r"\[\s*([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*)\s*\]")
_SPACES = re.compile(r"\s+")
_IPA_SIGNS = frozenset("ˈˌ.ː̩ ")


@dataclass(frozen=True, slots=True)
class Pronunciations:
    """The entries of a file.

    Attributes:
        tables: from a language in lower case (empty: all) to its words and how they are said.
        mistakes: a sentence for each line that says nothing.
    """

    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    mistakes: tuple[str, ...] = ()

    def table(self, language: str) -> dict[str, str]:
        """Returns the words for a voice of `language`, such as de-AT: those of all, of de, and of de-AT."""
        table: dict[str, str] = {}
        parts = language.lower().replace("_", "-").split("-")
        for count in range(len(parts) + 1):
            table |= self.tables.get("-".join(parts[:count]), {})
        return table


def ipa(spoken: str) -> str:
    """Returns the phonemes of a pronunciation that is written between slashes; empty for one in letters."""
    return spoken[1:-1].strip() if len(spoken) > 2 and spoken[0] == spoken[-1] == "/" else ""


def entry(word: str, spoken: str) -> tuple[str, str]:
    """Returns a word and its pronunciation as a table has them.

    Raises:
        HushdError: `bad_request` for one that could not be read, or would not be found.
    """
    word, spoken = (_SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip() for text in (word, spoken))
    if not (word.isprintable() and any(map(str.isalnum, word))) or _ARROW in word or _COMMENT.search(word):
        raise HushdError(
            "bad_request", f"{quoted(word)} is not a word that a text could have: write it as it stands there."
        )
    if not (spoken and spoken.isprintable()) or _COMMENT.search(spoken):
        raise HushdError("bad_request", f"{quoted(word)} lacks how it is said: write it as NYOH-kee, or as /ˈnjɒki/.")
    if max(len(word), len(spoken)) > LONGEST:
        raise HushdError(
            "bad_request", f"{quoted(word)} or how it is said has more than {LONGEST} characters: shorten it."
        )
    if odd := [sign for sign in ipa(spoken) if not (sign in _IPA_SIGNS or unicodedata.category(sign)[0] in "LM")]:
        raise HushdError(
            "bad_request", f"{quoted(spoken)} is not in the phonetic alphabet: {odd[0]} is none of its signs."
        )
    return word, spoken


def parse(text: str, name: str) -> Pronunciations:
    """Returns the entries of a file's text; a line that says nothing is left out and told of."""
    tables: dict[str, dict[str, str]] = {}
    mistakes = []
    for number, (line, language) in enumerate(_lines(text), start=1):
        word, arrow, spoken = line.partition(_ARROW)
        if not line or _SECTION.fullmatch(line):
            continue
        try:
            if not arrow:
                raise HushdError("bad_request", f"{quoted(line)} has no {_ARROW} between a word and how it is said.")
            word, spoken = entry(word, spoken)
            tables.setdefault(language, {})[word] = spoken
        except HushdError as error:
            mistakes.append(f"{name}, line {number}: {error.message}")
    return Pronunciations(tables, tuple(mistakes))


def read(path: Path) -> Pronunciations:
    """Returns the entries of a file, none where there is no file.

    Raises:
        HushdError: `input_unreadable` for a file that cannot be read or is not one of text.
    """
    return parse(_text(path), path.name)


def changed(path: Path, edit: Callable[[str], str]) -> None:
    """Replaces the file at `path`, made where there is none, by what `edit` makes of its text. Links are followed.

    Raises:
        HushdError: `input_unreadable`, `output_failed`, and what `edit` raises.
    """
    place = Path(os.path.realpath(path))
    try:
        with atomic_file.locked_folder(place.parent):
            old = _text(place)
            if (new := edit(old)) != old:
                atomic_file.replace(place, new, place.stat().st_mode & 0o777 if place.exists() else 0o644, sync=True)
    except OSError as error:
        raise HushdError("output_failed", f"{path} cannot be written ({error.strerror}).") from error


def with_entry(text: str, word: str, spoken: str, language: str = "") -> str:
    """Returns the text of a file with an entry, in the place of the word's last one; all other lines stay.

    Raises:
        HushdError: `bad_request` as for `entry`, and for what is not a language.
    """
    word, spoken = entry(word, spoken)
    if language and not _SECTION.fullmatch(f"[{language}]"):
        raise HushdError("bad_request", f"{quoted(language)} is not a language such as de or en-GB.")
    language = language.lower().replace("_", "-")
    lines = list(_lines(text))
    edited = text.splitlines()
    line = f"{word} {_ARROW} {spoken}"
    if places := _places(lines, word, language):
        edited[places[-1]] = line
    elif mine := [at for at, (_, section) in enumerate(lines) if section == language]:
        # Behind the section's last line that says something.
        at = max((at for at in mine if lines[at][0]), default=mine[0] - 1)
        edited.insert(at + 1, line)
    elif language:
        edited += [f"[{language}]", line]
    else:
        edited.insert(0, line)
    return "\n".join(edited) + "\n"


def without_entry(text: str, word: str, language: str = "") -> str:
    """Returns the text of a file without the entries of a word in one language; the same where there are none."""
    word, language = _SPACES.sub(" ", word).strip(), language.lower().replace("_", "-")
    gone = set(_places(list(_lines(text)), word, language))
    return "".join(line for at, line in enumerate(text.splitlines(keepends=True)) if at not in gone)


def _places(lines: list[tuple[str, str]], word: str, language: str) -> list[int]:
    return [
        at
        for at, (line, section) in enumerate(lines)
        if section == language and _ARROW in line and _SPACES.sub(" ", line.partition(_ARROW)[0]).strip() == word
    ]


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yields each line without its comment, with the language that it is for."""
    language = ""
    for line in text.splitlines():
        line = _COMMENT.sub("", line).strip()
        if section := _SECTION.fullmatch(line):
            language = section[1].lower().replace("_", "-")
        yield line, language


def _text(path: Path) -> str:
    try:
        # Not a pipe, which would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise HushdError("input_unreadable", f"{path} has more than {_LARGEST >> 20} MB: it is no list of words.")
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise HushdError("input_unreadable", f"{path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise HushdError("input_unreadable", f"{path} is not text in UTF-8: byte {error.start} is not.") from error
