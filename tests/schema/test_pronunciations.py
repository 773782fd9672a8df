"""The file of pronunciations: read whatever stands in it, and edited line by line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hushd_schema.pronunciations import Pronunciations, entry, ipa, parse, read
from support.refusals import hushd_error

FILE = """\
# mine
nginx -> engine x   # the server
C# -> see sharp

[de]
Router -> Ruter
nginx -> Engin Ix
[de-AT]
Router -> Rauter
"""


@pytest.mark.parametrize(("spoken", "phonemes"), [
    ("/a/", "a"), ("/ tʃ /", "tʃ"), ("//", ""), ("/", ""), ("a", ""), ("/ab", ""), ("ab/", ""),
])  # fmt: skip
def test_phonemes_are_between_slashes(spoken: str, phonemes: str) -> None:
    """A pronunciation in letters has none."""
    assert ipa(spoken) == phonemes


def test_a_language_adds_to_what_is_everybodys() -> None:
    """The more a section says of the voice's language, the more it counts; another language's does not."""
    entries = parse(FILE, "x.txt")
    assert entries.table("en-US") == {"nginx": "engine x", "C#": "see sharp"}
    assert entries.table("de_DE") == {"nginx": "Engin Ix", "C#": "see sharp", "Router": "Ruter"}
    assert entries.table("DE-at")["Router"] == "Rauter"
    assert entries.table("den")["nginx"] == "engine x"
    assert not entries.mistakes


@pytest.mark.parametrize(("line", "complaint"), [
    ("nginx", "'nginx' has no -> between a word and its pronunciation."),
    ("-> engine", "'' cannot occur in a text"), ("!? -> what", "'!?' cannot occur in a text"),
    ("nginx ->", "'nginx' lacks a pronunciation"),
    ("nginx -> /n$x/", "'/n$x/' is not in the phonetic alphabet, which has no $."),
    (f"{'a' * 201} -> b", "has more than 200 characters"),
])  # fmt: skip
def test_a_line_that_says_nothing_is_told_of(line: str, complaint: str) -> None:
    """The sentence has its number; all others count."""
    entries = parse(f"a -> b\n{line}\nc -> d\n", "x.txt")
    assert entries.tables == {"": {"a": "b", "c": "d"}}
    (mistake,) = entries.mistakes
    assert mistake.startswith("x.txt, line 2: ")
    assert complaint in mistake


@pytest.mark.parametrize("word", ["", " ", "!?", "a\x07b", "a->b", "-> a", "a #b", "#a"])
def test_a_word_that_no_line_could_hold_is_refused(word: str) -> None:
    """It would be read from the file as another one, or not at all."""
    with hushd_error("bad_request", has="cannot occur in a text: write the word as texts have it."):
        entry(word, "said")


@pytest.mark.parametrize("spoken", ["", "\x07", "a #b"])
def test_a_pronunciation_that_no_line_could_hold_is_refused(spoken: str) -> None:
    """The sentence shows how one may look."""
    with hushd_error("bad_request", has="'word' lacks a pronunciation, such as NYOH-kee"):
        entry("word", spoken)


def test_a_word_and_its_pronunciation_are_kept_in_one_form() -> None:
    """Blanks are single, a letter and its accent are one character, and # within a word is of the word."""
    assert entry("  Cafe\u0301  C#\t", " ka  fay ") == ("Café C#", "ka fay")
    assert entry("a" * 200, "b" * 200) == ("a" * 200, "b" * 200)
    for word, spoken in (("a" * 201, "b"), ("a", "b" * 201)):
        with hushd_error("bad_request", has="has more than 200 characters: shorten it."):
            entry(word, spoken)


def test_a_file_has_entries_if_it_is_there(tmp_path: Path) -> None:
    """A mark of the byte order does not belong to the first; who writes to a pipe is not waited for."""
    file = tmp_path / "words.txt"
    assert read(file).tables == {}
    file.write_bytes("\ufeffa -> b\nÉ -> c\n".encode())
    assert read(file).tables == {"": {"a": "b", "É": "c"}}
    file.write_bytes(b"a -> b\n" + b"#" * ((1 << 20) - 7))
    assert read(file).tables == {"": {"a": "b"}}
    os.mkfifo(tmp_path / "pipe")
    assert read(tmp_path / "pipe").tables == {}


@pytest.mark.parametrize(("data", "complaint"), [
    (b"a -> b\n" + b"#" * ((1 << 20) - 6), "has more than 1 MB: it is not a word list."),
    (b"a -> b\n\xff", "is not text in UTF-8, at byte 7."),
    (None, "cannot be read (Is a directory)."),
])  # fmt: skip
def test_a_file_of_something_else_has_a_mistake_and_no_words(
    data: bytes | None, complaint: str, tmp_path: Path
) -> None:
    """A voice speaks with such a file, too: it costs its own words alone."""
    file = tmp_path / "words.txt"
    file.mkdir() if data is None else file.write_bytes(data)
    assert read(file) == Pronunciations({}, (f"{file} {complaint}",))
