"""The file of pronunciations: read whatever stands in it, and edited line by line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_schema.pronunciations import parse, read, with_entry, without_entry

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
