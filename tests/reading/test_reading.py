"""Written text as it is spoken: addresses, code, marks, commands, pronunciations; and where each word comes from."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
import time
import tracemalloc
import unicodedata
from collections.abc import Iterator
from functools import cache

import pytest
from hushd_reading.items import Pause, Piece, Rate, Volume
from hushd_reading.reader import read
from hushd_reading.sentences import MAX_PIECE
from hushd_schema.operations.synthesize import MARKUPS
from support.seeds import SHARE, seeds


def texts(text: str, markup: str = "text", language: str = "en", **pronounce: str) -> list[str]:
    items = read([text.encode()], markup, language, pronounce)
    return [item.text for item in items if isinstance(item, Piece)]


@pytest.mark.parametrize(("written", "heard"), [
    (f"See https://x.io/{'a/' * 9999} then.", "See x dot IO then."), ("#### ──── ~~~^^^", ""),
    (
        "bro-\nken, well-\nknown, from the old and long road of the Nord-\nSüd, 5‰.",
        "broken, well-known, from the old and long road of the Nord-Süd, five per thousand.",
    ),
])  # fmt: skip
def test_an_address_and_lines_of_any_length_become_words(written: str, heard: str) -> None:
    """An address is its host where it is long, a ruler is silent, and a divided word is whole."""
    assert " ".join(texts(written)) == heard


@pytest.mark.parametrize(("language", "written", "heard"), [
    ("en", "On 6/21/40, 6/21/41.", "On June twenty-first, twenty forty, June twenty-first, nineteen forty-one."),
    ("fr", "Le 1/6/40 et le 1/6/41.",
     "Le premier juin deux mille quarante et le premier juin mille neuf cent quarante et un."),
])  # fmt: skip
def test_a_year_of_two_digits_is_of_the_nearer_century(language: str, written: str, heard: str) -> None:
    """An appointment may lie some years ahead; what lies further away was in the past."""
    assert texts(written, language=language) == [heard]


def test_an_apostrophe_behind_a_full_stop_ends_nothing() -> None:
    """The typographic one is a clause's end to espeak-ng, and so to piper; elsewhere it stays."""
    assert texts("the U.S.’s plan, it’s ‘in the U.S.’ now") == ["the U.S.'s plan, it’s ‘in the U.S.’ now"]


@pytest.mark.parametrize("language", ["en", "vi"])
def test_letters_and_their_accents_are_one(language: str) -> None:
    """Text as macOS decomposes it reaches the engine as dictionaries have it, and stands for the written text."""
    text = "Un café à Zürich, tiếng Việt."
    (piece,) = read([unicodedata.normalize("NFD", text).encode()], language=language)
    assert isinstance(piece, Piece)
    assert piece.text == text
    assert piece.mapped.span() == (0, len(unicodedata.normalize("NFD", text)))


COLOURED = (
    "\x1b[1;38;5;196mBold.\x1b[0m Then \x1b]8;;https://x.com\x1b\\a link\x1b]8;;\x07 and "
    "\x1b[2K\x1b(Bmore\x1b[m. \x1b[31m"
)


@pytest.mark.parametrize("markup", ["text", "markdown"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_is_for_a_terminal_is_not_heard(markup: str, size: int) -> None:
    """Colours, links and the like, however they arrive; the words know their place all the same."""
    data = COLOURED.encode()
    pieces = [p for p in read([data[i : i + size] for i in range(0, len(data), size)], markup) if isinstance(p, Piece)]
    assert [piece.text for piece in pieces] == ["Bold.", "Then a link and more."]
    first, last = pieces[0].mapped.span()
    assert COLOURED[first:last].startswith("Bold.")


def test_other_languages_have_their_own_words_or_none() -> None:
    """German reads an address in German; a language hushd has no words for gets it without its scheme."""
    assert texts("https://example.com/a", language="de-AT") == ["example Punkt com Schrägstrich a"]
    assert texts("https://www.example.com/a?b *so* \U0001f600", language="ja") == ["example.com/a so"]
    assert texts("a != b", language="fi") == ["a != b"]


@pytest.mark.parametrize(("language", "spoken"), [
    ("pl", "minus 5 °C, 12,50 euro, 3 euro, 1-2, 5 £, $5, 20 %"),
    ("da-DK", "minus 5 °C, 12,50 €, €3, 1-2, 5 £, $5, 20 %"),
    ("nb", "-5 °C, 12,50 euro, 3 euro, 1-2, 5 pund, $5, 20 %"),
    ("fi", "-5 °C, 12,50 €, €3, 1-2, 5 £, $5, 20 %"),
    ("uk", "мінус 5 °C, 12,50 євро, 3 євро, 1-2, 5 фунтів, 5 доларів, 20 відсотків"),
])  # fmt: skip
def test_no_sign_is_lost_in_a_language_that_is_not_counted(language: str, spoken: str) -> None:
    """The minus, money and percent are words where espeak-ng drops them, and nowhere else."""
    assert texts("-5 °C, 12,50 €, €3, 1-2, 5 £, $5, 20 %", language=language) == [spoken]


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
@pytest.mark.parametrize(
    "language", re.findall(r"\w+", "it nl pl sv da nb fi cs sk hu ro tr ru uk ca hr sl bg lt lv et el id vi is")
)
def test_espeak_says_each_sign(language: str) -> None:
    """None of these languages says an amount with a sign as the bare number."""
    signed = ["Ab -5 km", "5 €", "€5", "5 $", "$5", "5 £", "£5", "5 %"]
    lines = [*(text for sign in signed for text in texts(sign, language=language)), "Ab 5 km", "5"]
    done = subprocess.run(
        ["espeak-ng", "-q", "-x", "-v", language], input="\n\n".join(lines), capture_output=True, text=True, check=True
    )
    *said, kilometres, five = ("".join(filter(str.isalpha, line)) for line in done.stdout.split("\n") if line.strip())
    assert len(said) == len(signed)
    assert said[0] != kilometres
    assert five not in said[1:]


def test_what_agents_write_is_heard_in_any_language() -> None:
    """Tallies, IDs and hashes in its words where hushd has any; rulers and names with signs in each."""
    tally = f"12/12 ==== {'9f86d081' * 8} C# .NET"
    assert texts(tally, language="de") == ["zwölf von zwölf, ein Hash C sharp dot net"]
    assert texts(tally, language="ja") == ["12/12, 9 F 8 6 D 0 8 C sharp dot net"]


THOUGHTS = [
    ("<think>hm</think>Hello.", ["Hello."]),
    ("  <thinking>\nOne.\n\nTwo.\n</thinking>\n\nHello there.", ["Hello there."]),
    ("First.\n<think>a < b </b></think>Then.", ["First.", "Then."]),
    ("so it is.</think>Hello.", ["so it is.Hello."]),
    ("The tag <think> is text here.", ["The tag think is text here."]),
    ("Hello.\n<think>for ever", ["Hello."]),
    ("<think></think><think>x</think>A is it.", ["A is it."]),
]


@pytest.mark.parametrize("markup", ["text", "markdown"])
@pytest.mark.parametrize(("written", "heard"), THOUGHTS)
def test_thoughts_are_not_heard(written: str, heard: list[str], markup: str) -> None:
    """Those at the beginning of a line are left out, however they arrive, and words know their place."""
    if markup == "markdown" and "tag <think>" in written:
        return  # there it is HTML, which is not heard anyway
    for size in (1, 3, 1000):
        items = read([written.encode()[i : i + size] for i in range(0, len(written), size)], markup)
        pieces = [item for item in items if isinstance(item, Piece) and item.text]
        assert [piece.text for piece in pieces] == heard
        start, end = pieces[-1].mapped.span()
        assert written[start:end].endswith(heard[-1][-6:])


def test_a_long_thought_takes_no_memory() -> None:
    """50 kB of it leave nothing behind but the answer."""
    list(read([b"<think>word</think>Yes."]))  # imports, and what is read once of a language
    chunks = [b"<think>", *[b"word " * 200] * 50, b"</think>Yes."]
    tracemalloc.start()
    try:
        assert [item.text for item in read(chunks) if isinstance(item, Piece)] == ["Yes."]
        assert tracemalloc.get_traced_memory()[1] < 75_000  # its characters alone are 50,000
    finally:
        tracemalloc.stop()


def test_commands_of_macos_are_obeyed_or_passed_over() -> None:
    """Pauses, rates and volumes come out between the pieces; the rest leaves no trace; other brackets are text."""
    text = (
        "One [[slnc 500]]two. [[rate 180]]Three[[rate +20; volm 0.5]] four [[emph +]][[pbas 50]] five "
        "[[rset 0]]six [[x]]"
    )
    items = [item if not isinstance(item, Piece) else (item.text, item.ends) for item in read([text.encode()])]
    assert items == [
        ("One", False), Pause(0.5), ("two.", True), Rate(180), ("Three", False), Rate(20, True), Volume(0.5),
        ("four five", False), Rate(), ("six [[x]]", True),
    ]  # fmt: skip


SSML = [
    ('<speak>Hello <break time="1s"/> world.</speak>', ["Hello", Pause(1), "world."]),
    ('<break time="90s"/>a < b &lt; c &amp; <emphasis>d</emphasis> <![CDATA[e]]><!-- f -->', [
        Pause(60), "a less than b less than c and d e",
    ]),
    ("<p>One two</p><s>three <break strength='weak'/>four</s>", ["One two", "three", Pause(0.15), "four"]),
    ('<sub alias="Doctor">Dr</sub> Who says <say-as interpret-as="x">12</say-as> to <w:x y="z"/>me',
     ["Doctor Who says twelve to me"]),
    ('<prosody rate="slow" volume="soft">a<prosody rate="+20%" volume="50">b</prosody></prosody></prosody>c', [
        Rate(factor=0.75), Volume(0.5), "a", Rate(factor=0.75 * 1.2), Volume(0.25), "b", Rate(factor=0.75), Volume(0.5),
        Rate(), Volume(1), Rate(), Volume(1), "c",
    ]),
    ('<prosody volume="-20dB" rate="9999999%">a<prosody volume="+9999999dB">b', [
        Rate(factor=10), Volume(0.1), "a", Rate(factor=10), Volume(0.1), "b",
    ]),
]  # fmt: skip


@pytest.mark.parametrize("markup", ["text", "markdown"])
@pytest.mark.parametrize(("written", "heard"), SSML)
def test_ssml_is_obeyed_and_not_read_out(written: str, heard: list[object], markup: str) -> None:
    """It is obeyed in any markup, however it arrives, also after a declaration; other tags are skipped."""
    for before in ("<speak>", "\ufeff\n<speak version='1.1'\n xml:lang='en'>", '<?xml version="1.0"?>\n<speak>'):
        data = (before * (not written.startswith("<speak")) + written).encode()
        for size in (1, 7, 1000):
            items = read([data[i : i + size] for i in range(0, len(data), size)], markup)
            assert [item.text if isinstance(item, Piece) else item for item in items] == heard


@pytest.mark.parametrize(
    "text", ["<speaker> a & b", "a <speak> b </speak>", "<spea", "<", "<?", " < speak>", "&lt;speak>"]
)
def test_only_a_text_that_begins_as_ssml_is_ssml(text: str) -> None:
    """Any other text keeps every sign."""
    assert "".join(texts(text, language="ja")) == text.strip()


@pytest.mark.parametrize(("text", "heard"), [
    ("nginx, Nginx and NGINX", "engine x, engine x and engine x"),
    ("nginxed renginx", "nginxed renginx"), ("Polish the polish", "Poe-lish the polish"),
    ("Node.js runs", "node jay ess runs"), ("ask New York", "ask the city"), ("c++ code", "sea plus plus code"),
    ("İSTANBUL and \u212aatalog at 5 µs", "the city and list at five mu-s"), ("a claſp", "a clip"),
])  # fmt: skip
def test_words_are_said_as_asked(text: str, heard: str) -> None:
    """Whole words only; in lower case for any case, even of letters whose lower case is none of the word's, with a
    capital for themselves; the longest wins."""
    said = {
        "nginx": "engine x", "Polish": "Poe-lish", "node.js": "node jay ess", "new york": "the city", "new": "old",
        "c++": "sea plus plus", "istanbul": "the city", "katalog": "list", "\u03bcs": "mu-s", "clasp": "clip",
    }  # fmt: skip
    assert texts(text, **said) == [heard]


def test_every_piece_knows_what_it_stands_for() -> None:
    """Words point at their place in the text through commands, splitting, addresses and pronunciations."""
    text = "Hi \u200b[[slnc 9]] there.  See https://a.com/b now.\n\n- An \U0001f600 item: nginx"
    spans: dict[str, str] = {}
    for item in read([text.encode()], pronounce={"nginx": "engine x"}):
        if isinstance(item, Piece):
            for word in re.finditer(r"\S+", item.text):
                start, end = item.mapped.span(*word.span())
                spans[word[0]] = text[start:end]
    assert spans == {
        "Hi": "Hi", "there.": "there.", "See": "See", "a": "https://a.com/b", "dot": "https://a.com/b",
        "com": "https://a.com/b", "slash": "https://a.com/b", "b": "https://a.com/b", "now.": "now.", "An": "An",
        "item:": "item:", "engine": "nginx", "x": "nginx",
    }  # fmt: skip


@cache
def categories() -> dict[str, list[str]]:
    """Every seventh character, by its category."""
    found: dict[str, list[str]] = {}
    for code in range(0, sys.maxunicode + 1, 7):
        found.setdefault(unicodedata.category(chr(code)), []).append(chr(code))
    return found


MARKUP = [
    "[[slnc 5]]", "[[", "]]", "[a](b)", "![", "```\n", "|", "\n", "# ", "- ", "1. ", "**", "_", "`", "> ", "<b>",
    "&amp;", "<!--", "https://x.y/", "a@b.co", "~~", "\\", "[^1]", "  \n", "    ", ". ", "x" * 90, "\r\n", "***\n",
    "word ", "| a ", "<break/>", "<prosody rate='50%'>", "</prosody>", "<sub alias='x y'>",
]  # fmt: skip


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("markup", ["text", "markdown"])
@seeds(int(50 * SHARE))
def test_any_unicode_is_read_alike_however_it_arrives(markup: str, seed: int) -> None:
    """Characters of all categories among markup: no error, bounded pieces that know their place, and the same pieces
    whether the text comes whole or in crumbs."""
    chance = random.Random(seed)
    characters = categories()
    kinds = sorted(characters)
    text = "".join(
        chance.choice(MARKUP)
        if chance.random() < 0.4
        else chance.choice(characters[chance.choice(kinds)]) + chance.choice(" a")
        for _ in range(chance.randint(1, 120))
    )
    text = "<speak>" * (seed % 3 == 0) + text
    data = text.encode("utf-8", "replace")
    whole = list(read([data], markup))
    for item in whole:
        if isinstance(item, Piece) and item.text:
            start, end = item.mapped.span()
            assert 0 <= start < end <= len(data.decode()) + 1
            assert len(item.mapped.starts) == len(item.mapped.ends) == len(item.text) < 20 * MAX_PIECE
    for size in (1, 3, 50):
        crumbs = list(read([data[i : i + size] for i in range(0, len(data), size)], markup))
        assert [_shown(item) for item in crumbs] == [_shown(item) for item in whole]


def _shown(item: object) -> object:
    return (item.text, item.ends, [*item.mapped.starts]) if isinstance(item, Piece) else item


def fillers() -> Iterator[object]:
    """Each filler in each markup; by day most in the one that has most patterns, and one in all."""
    for filler in (
        "word ",
        "x",
        "\U0001f600",
        "*",
        "[[",
        "a_b ",
        "http://a/",
        "(",
        "```",
        "| ",
        "x\n",
        "<speak>a",
        "[a](",
    ):
        for markup in MARKUPS:
            day = filler == "word " or (markup == "markdown" and filler not in ("[[", "x\n", "a_b ", "| ", "<speak>a"))
            yield pytest.param(filler, markup, marks=[] if day else [pytest.mark.night])


@pytest.mark.parametrize(("filler", "markup"), [*fillers()])
def test_text_without_a_full_stop_is_read_in_bounded_memory_and_time(markup: str, filler: str) -> None:
    """64 KiB: whatever it is made of and however it is marked, some text is kept, not all of it: 1.6 MB."""
    size = 16_384

    def chunks() -> Iterator[bytes]:
        for _ in range(4):
            yield (filler * (size // len(filler.encode()))).encode()

    list(read([b"`a`"], markup))  # imports
    began = time.process_time()
    tracemalloc.start()
    try:
        for _ in read(chunks(), markup):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_300_000
    assert time.process_time() - began < 15


@pytest.mark.parametrize(
    ("phonemes", "heard"),
    [(True, "Eat \ue000ˈnjɒki\ue001 in \ue000njuː\ue001 \ue000jɔːk\ue001!"), (False, "Eat Gnocchi in New York!")],
)
def test_phonemes_go_to_engines_that_read_them(phonemes: bool, heard: str) -> None:
    """Others get the word as it is written."""
    table = {"gnocchi": "/ˈnjɒ.ki/", "new york": "/njuː jɔːk/"}
    items = read([b"Eat Gnocchi in New York!"], "text", "en", table, phonemes)
    assert [item.text for item in items if isinstance(item, Piece)] == [heard]
