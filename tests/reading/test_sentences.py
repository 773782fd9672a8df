"""Cutting text into sentences while it arrives."""

from __future__ import annotations

import codecs
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hushd_reading.items import MappedText
from hushd_reading.sentences import MAX_FIRST, MAX_PIECE, Splitter
from hushd_reading.words import table
from support.seeds import SHARE, seeds


class Piece(NamedTuple):
    """Returns the splitter's sentences, without their positions."""

    text: str
    ends: bool


def pieces(chunks: Iterable[bytes]) -> Iterator[Piece]:
    """The sentences of UTF-8 text that comes in these chunks."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    splitter = Splitter()
    for data in _ended(chunks):
        text = decoder.decode(data or b"", final=data is None)
        for mapped, ends in splitter.add(MappedText.original(text), final=data is None):
            yield Piece(mapped.text, ends)


def _ended(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    yield from chunks
    yield None


# A bar stands where a sentence ends.
CUT = [
    (language, row.replace("|", ""), [sentence.strip() for sentence in row.split("|")])
    for language, *rows in (
        part.splitlines()
        for part in (Path(__file__).parent / "sentences.txt").read_text("utf-8").removeprefix("# ").split("\n# ")
    )
    for row in rows
]
LINES = [
    ("A title\nThe first line.\nThe second.", ["A title", "The first line.", "The second."]),
    ("A title\n\nthe text", ["A title", "the text"]),
    ("A title\r\n\r\nthe text", ["A title", "the text"]),
    ("a line that\ngoes on", ["a line that\ngoes on"]),
    (
        "This line is long enough to have been wrapped by\nAda herself. Its end is near\nLondon. And so on it goes",
        [
            "This line is long enough to have been wrapped by\nAda herself.",
            "Its end is near",
            "London.",
            "And so on it goes",
        ],
    ),
    (
        "The first sentence is here. The second one began late\nLondon way.",
        ["The first sentence is here.", "The second one began late\nLondon way."],
    ),
    ("Dear Mr.\nSmith, hello.", ["Dear Mr.\nSmith, hello."]),
    ("That was so.\nthen not", ["That was so.", "then not"]),
    ("Buy:\n- milk\n- two eggs\n* tea\n• jam", ["Buy:", "milk", "two eggs", "tea", "jam"]),
    ("1. First thing\n2. Second thing\n10) Tenth", ["1. First thing", "2. Second thing", "10) Tenth"]),
    ("a. Milk\nb. Tea", ["a. Milk", "b. Tea"]),
    ("# Title\n\n## Part one\ntext", ["Title", "Part one\ntext"]),
    ("", []),
    (" \n\t \n\n", []),
    ("\ufeffHello.\x00\x07 There.", ["Hello.", "There."]),
    ("- \n- ", []),
    ("😀 👨\u200d👩", ["😀 👨👩"]),
]


@pytest.mark.parametrize(
    ("text", "expected"), [*((text, sentences) for language, text, sentences in CUT if language == "en"), *LINES]
)
def test_cuts_text_as_the_table_says(text: str, expected: list[str]) -> None:
    """Each text of the table is cut into these sentences, each of them whole; and so is one that arrives a byte at a
    time, its characters split."""
    data = text.encode()
    assert list(pieces([data])) == [Piece(sentence, True) for sentence in expected]
    assert [piece.text for piece in pieces(data[i : i + 1] for i in range(len(data)))] == expected


@pytest.mark.parametrize(("language", "text", "expected"), CUT)
def test_abbreviations_are_those_of_the_language(language: str, text: str, expected: list[str]) -> None:
    """Each has its own, a language without any those of English."""
    assert [cut.text.text for cut in Splitter(language).add(MappedText.original(text), final=True)] == expected


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "pt"])
def test_no_abbreviation_of_forty_parts_a_sentence(language: str) -> None:
    """Each goes on before a name or a number, as its kind says; and ends only before what begins a sentence."""
    rows = table(language)
    begins = rows["begins"].split()[-1].capitalize()
    cases = [("goes_on", "Qwert", 1), ("may_end", "Qwert", 1), ("may_end", begins, 2), ("before_number", "5", 1)]
    assert sum(len(rows[kind]) for kind in ("goes_on", "may_end", "before_number")) >= 40
    for kind, after, count in cases:
        for short in rows[kind]:
            text = f"Nun so {short} {after} xyz."
            assert len([*Splitter(language).add(MappedText.original(text), final=True)]) == count, text


FRAGMENTS = [
    "Hello", "world", "Dr.", "Mr.", "e.g.", "U.S.", "J.", "No.", "5", "3.14", "The", "the", "A", "...", "…", "!", "?",
    "?!", ".", '"', "'", "”", "“", ")", "(", "\n", "\n\n", "\r\n", " ", "  ", "\t", "- ", "* ", "1. ", "# ", ", ", "; ",
    "—", "é", "\U0001f600", "。", "\x00", "\ufeff", "x" * 50, "word " * 40, " " * 50, "." * 40, "p.m.", "etc.", "Jan.",
    "it", "It", "#" * 8, "“”\"'" * 3, "\n" * 40, "x" * 700,
]  # fmt: skip


def _speakable(text: str) -> list[str]:
    return [c for c in text if c.isalnum()]


@pytest.mark.timeout(3600)
@seeds(int(100 * SHARE))
def test_any_text_loses_nothing_and_is_cut_alike_however_it_arrives(seed: int) -> None:
    """All letters and digits come out in order, pieces are bounded, and chunks never change where they are cut."""
    chance = random.Random(seed)
    text = "".join(chance.choice(FRAGMENTS) + chance.choice(["", " ", " "]) for _ in range(chance.randint(0, 60)))
    data = text.encode()
    whole = list(pieces([data]))
    assert _speakable("".join(piece.text for piece in whole)) == _speakable(text)
    assert all(0 < len(piece.text) <= MAX_PIECE + 12 and piece.text == piece.text.strip() for piece in whole)
    for size in (1, 2, 7, chance.randint(3, 500)):
        assert list(pieces(data[i : i + size] for i in range(0, len(data), size))) == whole


@pytest.mark.parametrize(("text", "sentence"), [
    ("Hello there. N", "Hello there."), ("Hello there.\n", "Hello there."), ("Hello there! (", None),
    ("Hello there! (Y", "Hello there!"), ("Hello there.", None), ("Hello there. ", None), ("In the U.S. Th", None),
    ("In the U.S. The e", "In the U.S."), ("A title\n\n", "A title"), ("A title\n", None),
])  # fmt: skip
def test_a_sentence_leaves_as_soon_as_it_is_known_to_be_complete(text: str, sentence: str | None) -> None:
    """Text seen so far decides, without an end of the text."""
    assert [cut.text.text for cut in Splitter().add(MappedText.original(text))] == ([sentence] if sentence else [])


def test_a_long_first_sentence_starts_at_a_clause() -> None:
    """The first piece is a clause, the second what fits into MAX_FIRST characters: a third of a sentence is made while
    they sound. Later sentences stay whole."""
    sentence = "When the rain had stopped, " * 3 + "and the sun had come out again over the hills, we all went home."
    assert 2 * MAX_FIRST - 20 < len(sentence) < MAX_PIECE
    first, second, rest, again = pieces([f"{sentence} {sentence}".encode()])
    assert first == Piece(sentence[:26], False)
    assert second == Piece(sentence[27:80], False)
    assert rest == Piece(sentence[81:], True)
    assert again == Piece(sentence, True)
    assert [cut.text.text for cut in Splitter(first=160).add(MappedText.original(sentence), True)] == [sentence]


def test_bytes_that_are_no_utf_8_are_harmless() -> None:
    """Latin-1, lone surrogates and a character cut off at the end become U+FFFD or nothing, the rest is kept."""
    assert next(p.text for p in pieces([b"caf\xe9 au lait. \xed\xa0\x80 Next. \xf0\x9f"])) == "caf\ufffd au lait."
    assert [cut.text.text for cut in Splitter().add(MappedText.original("a \ud800 b."), final=True)] == ["a   b."]
