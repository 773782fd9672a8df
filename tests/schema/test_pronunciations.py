"""The file of pronunciations: read whatever stands in it, and edited line by line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_schema.pronunciations import Pronunciations, changed, entry, ipa, parse, read, with_entry, without_entry
from hypothesis import given
from hypothesis import strategies as st

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
TEXT = st.lists(st.text(st.sampled_from("ab \t#->[]/é\r"), max_size=12), max_size=12).map("\n".join)
WORD = st.text(st.sampled_from("aBé+.1"), min_size=1, max_size=4).filter(lambda word: any(map(str.isalnum, word)))
LANGUAGE = st.sampled_from(("", "de", "de-AT"))


def test_a_language_adds_to_what_is_everybodys() -> None:
    """The more a section says of the voice's language, the more it counts; another language's does not."""
    entries = parse(FILE, "x.txt")
    assert entries.table("en-US") == {"nginx": "engine x", "C#": "see sharp"}
    assert entries.table("de_DE") == {"nginx": "Engin Ix", "C#": "see sharp", "Router": "Ruter"}
    assert entries.table("DE-at")["Router"] == "Rauter"
    assert entries.table("den")["nginx"] == "engine x"
    assert not entries.mistakes


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("nginx", "'nginx' has no -> between a word and its pronunciation."),
        ("-> engine", "'' cannot occur in a text"),
        ("!? -> what", "'!?' cannot occur in a text"),
        ("nginx ->", "'nginx' lacks a pronunciation"),
        ("nginx -> /n$x/", "'/n$x/' is not in the phonetic alphabet, which has no $."),
        (f"{'a' * 201} -> b", "has more than 200 characters"),
    ],
)
def test_a_line_that_says_nothing_is_told_of(line: str, complaint: str) -> None:
    """With its number; all others count."""
    entries = parse(f"a -> b\n{line}\nc -> d\n", "x.txt")
    assert entries.tables == {"": {"a": "b", "c": "d"}}
    (mistake,) = entries.mistakes
    assert mistake.startswith("x.txt, line 2: ")
    assert complaint in mistake


def test_phonemes_are_between_slashes() -> None:
    """And nothing else is: a path or a single slash is letters."""
    assert [ipa(spoken) for spoken in ("/njɒki/", "/ njuː jɔːk /", "/", "//", "a/b", "and/or/")] == [
        "njɒki", "njuː jɔːk", "", "", "", "",
    ]  # fmt: skip


def test_an_edit_leaves_every_other_line() -> None:
    """Comments, order and empty lines stay; a word's entry takes the place of its last one; a section grows at its
    end."""
    text = with_entry(FILE, "nginx", "N jinx")
    assert text == FILE.replace("nginx -> engine x   # the server", "nginx -> N jinx")
    text = with_entry(FILE, "gnocchi", "/njɒki/")
    assert text == FILE.replace("see sharp\n", "see sharp\ngnocchi -> /njɒki/\n")
    assert with_entry(FILE, "Bau", "Bauh", "DE") == FILE.replace("Engin Ix\n", "Engin Ix\nBau -> Bauh\n")
    assert with_entry(FILE, "gnocchi", "gnoki", "it") == FILE + "[it]\ngnocchi -> gnoki\n"
    assert without_entry(FILE, "nginx", "de") == FILE.replace("nginx -> Engin Ix\n", "")
    assert without_entry(FILE, "gnocchi") == FILE
    with pytest.raises(HushdError, match="'german!' is not a language such as de or en-GB"):
        with_entry(FILE, "a", "b", "german!")


@given(TEXT, WORD, LANGUAGE)
def test_any_file_is_read_and_edited(text: str, word: str, language: str) -> None:
    """Whatever stands in it, an added word is found, all others are as before, and it can be removed again."""
    before = parse(text, "x.txt")
    text = with_entry(text, word, "say so", language)
    after = parse(text, "x.txt")
    expected = {name: dict(table) for name, table in before.tables.items()}
    expected.setdefault(language.lower(), {})[entry(word, "x")[0]] = "say so"
    assert after.tables == expected
    removed = parse(without_entry(text, word, language), "x.txt").tables
    assert word not in removed.get(language.lower(), {})


def test_two_who_add_at_once_lose_nothing(tmp_path: Path) -> None:
    """Eight programs add eight words each to one file: all 64 are in it, and nothing is left beside it."""
    path = tmp_path / "new" / "pronunciations.txt"
    program = (
        "import sys; from pathlib import Path; from hushd_schema.pronunciations import changed, with_entry\n"
        "for n in range(8): changed(Path(sys.argv[1]), lambda text: with_entry(text, f'w{sys.argv[2]}x{n}', 'said'))"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(path), str(n)]) for n in range(8)]
    assert [process.wait() for process in running] == [0] * 8
    assert read(path).tables == {"": {f"w{n}x{m}": "said" for n in range(8) for m in range(8)}}
    assert os.listdir(path.parent) == ["pronunciations.txt"]


def test_anything_else_in_its_place(tmp_path: Path) -> None:
    """Nothing at all has no entries; a folder, a pipe without a writer, bytes that are not text and a video are refused
    or empty, and nothing waits."""
    assert read(tmp_path / "none") == Pronunciations()
    os.mkfifo(tmp_path / "pipe")
    assert read(tmp_path / "pipe") == Pronunciations()
    (tmp_path / "bytes").write_bytes(b"a -> \xff")
    (tmp_path / "film").write_bytes(bytes(2 << 20))
    for name, complaint in ((".", "cannot be read"), ("bytes", "at byte 5"), ("film", "more than 1 MB")):
        with pytest.raises(HushdError, match=complaint):
            read(tmp_path / name)


def test_a_link_is_followed_and_rights_stay(tmp_path: Path) -> None:
    """A file that lies in a folder of settings elsewhere is edited there."""
    (tmp_path / "dotfiles").mkdir()
    there = tmp_path / "dotfiles" / "words"
    there.write_text("a -> b\n")
    there.chmod(0o600)
    (tmp_path / "pronunciations.txt").symlink_to(there)
    changed(tmp_path / "pronunciations.txt", lambda text: with_entry(text, "c", "d"))
    assert there.read_text() == "a -> b\nc -> d\n"
    assert there.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "pronunciations.txt").is_symlink()
