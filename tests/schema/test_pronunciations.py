"""The file of pronunciations: read whatever stands in it, and edited line by line."""

from __future__ import annotations

import pytest
from hushd_schema.pronunciations import parse

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
