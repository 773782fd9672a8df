"""Cutting text into sentences while it arrives."""

from __future__ import annotations

import codecs
import random
from collections.abc import Iterable, Iterator
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


TABLE = [
    # full stops, question and exclamation marks
    ("One. Two. Three.", ["One.", "Two.", "Three."]),
    ("Really? Yes! Well?! OK", ["Really?", "Yes!", "Well?!", "OK"]),
    ("no capitals. still one. as it goes", ["no capitals. still one. as it goes"]),
    ("It is 3.14, or 1,000.5. Next.", ["It is 3.14, or 1,000.5.", "Next."]),
    ("Version 2.0.1. is out", ["Version 2.0.1. is out"]),
    ("See www.example.com. Then go.", ["See www.example.com.", "Then go."]),
    ("你好。 再见！", ["你好。", "再见！"]),
    ("こんにちは。さようなら。", ["こんにちは。", "さようなら。"]),
    # titles, initials, abbreviations
    ("Dr. Smith met Mr. and Mrs. Jones. They left.", ["Dr. Smith met Mr. and Mrs. Jones.", "They left."]),
    ("J. K. Rowling wrote it. J.R.R. Tolkien too.", ["J. K. Rowling wrote it.", "J.R.R. Tolkien too."]),
    ("The U.S. Army came. He left the U.S. The end.", ["The U.S. Army came.", "He left the U.S.", "The end."]),
    ("Use Plan B. Then rest.", ["Use Plan B.", "Then rest."]),
    ("Take fruit, e.g. Apples. Or none.", ["Take fruit, e.g. Apples.", "Or none."]),
    ("At 3 p.m. Monday he ate. At 4 p.m. He slept.", ["At 3 p.m. Monday he ate.", "At 4 p.m.", "He slept."]),
    ("Built ca. 1850 at N°. 7. Then sold.", ["Built ca. 1850 at N°. 7.", "Then sold."]),
    ("Ring at Apt. 5, ext. 12. Tel. 99 is dead.", ["Ring at Apt. 5, ext. 12.", "Tel. 99 is dead."]),
    ("See fig. 3 and No. 5. I said no. Then yes.", ["See fig. 3 and No. 5.", "I said no.", "Then yes."]),
    ("On Jan. 5 it rained. In Jan. Nothing did.", ["On Jan. 5 it rained.", "In Jan.", "Nothing did."]),
    ("Acme Inc. Ltd. Berlin sold. They do etc. But no.", ["Acme Inc. Ltd. Berlin sold.", "They do etc.", "But no."]),
    ("Nails etc. Screws, too, etc. and so on.", ["Nails etc.", "Screws, too, etc. and so on."]),
    (
        "Main St. Whether it works. Acme Inc. Neither did.",
        ["Main St.", "Whether it works.", "Acme Inc.", "Neither did."],
    ),
    ("(Dr. Who?) Yes.", ["(Dr. Who?)", "Yes."]),
    # quotes and brackets
    ('"Stop!" he said. "Go!" She went.', ['"Stop!" he said.', '"Go!"', "She went."]),
    ("He said “Stop.” “Why?” she asked.", ["He said “Stop.”", "“Why?” she asked."]),
    ("(It rained.) [It poured.] Then sun.", ["(It rained.)", "[It poured.]", "Then sun."]),
    ("**Bold.** Then _thin._ End", ["**Bold.**", "Then _thin._", "End"]),
    ("A claim.[1][12] Then more.", ["A claim.[1][12]", "Then more."]),
    ("Done. (And more.)", ["Done.", "(And more.)"]),
    # ellipses
    ("Wait... what? Wait… What?", ["Wait... what?", "Wait…", "What?"]),
    ("So ... it goes. And . . . on.", ["So ... it goes.", "And . . . on."]),
    # lines
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
    ("minus -5 and 3 - 2 stay", ["minus -5 and 3 - 2 stay"]),
    # nothing
    ("", []),
    (" \n\t \n\n", []),
    ("\ufeffHello.\x00\x07 There.", ["Hello.", "There."]),
    ("- \n- ", []),
    ("\U0001f600 \U0001f468\u200d\U0001f469", ["\U0001f600 \U0001f468\U0001f469"]),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_cuts_text_as_the_table_says(text: str, expected: list[str]) -> None:
    """Each text of the table is cut into these sentences, each of them whole; and so is one that arrives a byte at a
    time, its characters split."""
    data = text.encode()
    assert list(pieces([data])) == [Piece(sentence, True) for sentence in expected]
    assert [piece.text for piece in pieces(data[i : i + 1] for i in range(len(data)))] == expected


IN_LANGUAGES = [
    ("de", "§ 5 Abs. 2 gilt. Karl V. Er kam im XX. Jahrhundert.",
     ["§ 5 Abs. 2 gilt.", "Karl V.", "Er kam im XX. Jahrhundert."]),
    ("de", "Z. B. Peter. Plan B. Danach das usw. Dann nicht.",
     ["Z. B. Peter.", "Plan B.", "Danach das usw.", "Dann nicht."]),
    ("fr", "J.-P. Martin lit le chap. IV. Cf. p. 3. L'art. Puis lui.",
     ["J.-P. Martin lit le chap. IV.", "Cf. p. 3.", "L'art.", "Puis lui."]),
    ("es", "Vive en EE. UU. desde 1999. Va a EE. UU. Luego no.",
     ["Vive en EE. UU. desde 1999.", "Va a EE. UU.", "Luego no."]),
    ("es", "P. ej. Madrid. Creo que no. 5 personas.", ["P. ej. Madrid.", "Creo que no.", "5 personas."]),
    ("pt", "Na Av. Paulista, n.º 5. No séc. XXI.", ["Na Av. Paulista, n.º 5.", "No séc. XXI."]),
    ("it", "Dr. Rossi. Poi no.", ["Dr. Rossi.", "Poi no."]),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "expected"), IN_LANGUAGES)
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


def test_bytes_that_are_no_utf_8_are_harmless() -> None:
    """Latin-1, lone surrogates and a character cut off at the end become U+FFFD or nothing, the rest is kept."""
    assert next(p.text for p in pieces([b"caf\xe9 au lait. \xed\xa0\x80 Next. \xf0\x9f"])) == "caf\ufffd au lait."
    assert [cut.text.text for cut in Splitter().add(MappedText.original("a \ud800 b."), final=True)] == ["a   b."]
