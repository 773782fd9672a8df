"""Spoken numbers in digits: by tables of sentences, as engines write them, and by seeded fuzz."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hushd.transcripts.segment import Segment, Word
from support.seeds import seeds

pytest.importorskip("text_to_num", reason="pip install text2num")

from hushd_written.rules import languages
from hushd_written.writing import written

TABLES = Path(__file__).parent / "tables"
CODES = ("de", "en", "es", "fr", "pt")
AMBIGUOUS = {"two hundred pounds"}  # may be money or a weight: they stay pounds


def rows(table: str) -> list[tuple[str, str]]:
    return [
        (spoken, right) for row in (TABLES / table).read_text().splitlines() for spoken, right in [row.split(" -> ")]
    ]


def text(spoken: str, language: str = "en") -> str:
    writer = written(language)
    assert writer
    return writer(Segment(0, 0.0, 1.0, spoken)).text


@pytest.mark.parametrize("code", CODES)
def test_the_table_by_which_the_rules_were_made(code: str) -> None:
    """Each of its 40 sentences is right."""
    wrong = {spoken for spoken, right in rows(f"{code}.txt") if text(spoken, code) != right}
    assert wrong <= AMBIGUOUS


@pytest.mark.parametrize(("folder", "least"), [("held", 55), ("later", 60)])
def test_other_sentences(folder: str, least: int) -> None:
    """Twelve a language: `held`, by which nothing was chosen, and `later`, of which one was mended ("unas once")."""
    results = [text(spoken, code) == right for code in CODES for spoken, right in rows(f"{folder}/{code}.txt")]
    assert len(results) == 60
    assert sum(results) >= least


@pytest.mark.parametrize(("code", "spoken", "right"), [
    ("en", "Forty-two percent, of them.", "42%, of them."),
    ("en", "It was “twenty-five” (or thirty).", "It was “25” (or 30)."),
    ("en", "On July fourth, nineteen seventy-six, it began.", "On July 4th, 1976, it began."),
    ("en", "FORTY TWO PERCENT", "42%"),
    ("en", "From 10 to 20 percent, or 12.5 dollars.", "From 10 to 20%, or $12.5."),
    ("en", "a hundred and fifty people and a hundred more", "150 people and a hundred more"),
    ("en", "two million three hundred thousand", "2,300,000"),
    ("en", "three point five million people", "3.5 million people"),
    ("en", "At five thirty p.m. nine or ten came.", "At 5:30 p.m. 9 or 10 came."),
    ("en", "the nineteen nineties", "the 1990s"),
    ("en", "two four oh seven point one two three", "2407.123"),
    ("de", "zwei vier null sieben Komma eins zwei", "2407,12"),
    ("en", "My PIN is one two three four.", "My PIN is 1234."),
    ("es", "mi pin es uno dos tres cuatro", "mi pin es 1234"),
    ("en", "count one two three, number one two three", "count one two three, number one two three"),
    ("en", "agent zero zero seven, oh two", "agent 007, oh two"),
    ("fr", "zéro zéro sept", "007"),
    ("en", "gate 4 five seven two", "gate 4 572"),
    ("fr", "deux quatre zéro sept virgule un deux", "2407,12"),
    ("fr", "trois virgule un deux", "3,12"),
    ("fr", "pi vaut trois virgule un quatre un six, deux", "pi vaut 3,1416, deux"),
    ("pt", "doze vírgula um dois por cento", "12,12 por cento"),
    ("es", "tres coma catorce dos", "3,14 dos"),
    ("fr", "deux trois virgule un quatre", "deux 3,14"),
    ("en", "two four seven twenty point five", "247 20.5"),
    ("en", "chapter two three point five percent", "chapter two 3.5%"),
    ("en", "Version three point two point one, at ten past five.", "Version 3.2.1, at 10 past 5."),
    ("de", "Am dritten Oktober, um acht Uhr.", "Am 3. Oktober, um 8 Uhr."),
    ("de", "Das Jahrhundert war das neunzehnte.", "Das Jahrhundert war das 19."),
    ("fr", "Quarante-deux pour cent, à vingt heures quinze.", "42 %, à 20 h 15."),
    ("fr", "Au moins douze, moins douze degrés.", "Au moins 12, -12 degrés."),
    ("es", "A las cinco y media, veintiún días, unas once horas.", "A las 5:30, 21 días, unas 11 horas."),
    ("pt", "De cinco a dez reais, às oito da noite.", "De 5 a 10 reais, às 8h da noite."),
])  # fmt: skip
def test_as_engines_write_it(code: str, spoken: str, right: str) -> None:
    """Texts have capitals, commas and quotes, and some digits already; no number goes beyond a comma."""
    assert text(spoken, code) == right


@pytest.mark.parametrize(("code", "spoken"), [
    ("en", "One, two, three. One two three. Oh two of them came, no one else."),
    ("en", "Tens of thousands saw Ocean's Eleven for the hundredth time, a tenth of them twice."),
    ("en", "In March the first soldiers came. It may take five of us, plus or minus two. Fifty fifty."),
    ("en", "a million billion times, two thirds, two times five, a thousand thanks"),
    ("de", "Eine Elf, drei- oder viermal, hundert Leute, ein Uhrwerk, der Erste, am Dritten, Acht geben"),
    ("fr", "au moins deux, à une heure précise, en dixième de seconde, un chapeau neuf, attends une seconde"),
    ("es", "al menos dos, a las tres hermanas, nueve décimas partes, cien centavos, las mil y una noches"),
    ("pt", "pelo menos dois, às duas mulheres, um real problema, na segunda-feira, o quarto, espere um segundo"),
])  # fmt: skip
def test_words_that_are_no_numbers_to_write(code: str, spoken: str) -> None:
    """Articles, names, fractions, "many", and small numbers stay."""
    assert text(spoken, code) == spoken


def test_a_numbers_words_are_one_word() -> None:
    """It lasts from the first one's start to the last one's end, is as unsure as the least sure, and may have a leading
    space."""
    writer = written("en-GB")
    assert writer
    heard = ["At", "five", "thirty,", "forty", "two", "percent."]
    for space in ("", " "):
        words = tuple(Word(space + word, n / 2, n / 2 + 0.4, 1 - n / 10) for n, word in enumerate(heard))
        segment = writer(Segment(7, 0.0, 3.0, " ".join(heard), words, "Ann"))
        assert (segment.id, segment.text, segment.speaker) == (7, "At 5:30, 42%.", "Ann")
        assert segment.words == (
            words[0], Word(f"{space}5:30,", 0.5, 1.4, 0.8), Word(f"{space}42%.", 1.5, 2.9, 0.5),
        )  # fmt: skip


def test_words_may_be_parts_of_the_texts() -> None:
    """Whisper divides digits so; where words and text differ the words are read by themselves."""
    writer = written("en")
    assert writer
    for parts, right in [
        (["about", "350", ",000", "dollars."], ["about", "$350,000."]),
        (["About", "forty", "dollars", "more"], ["About", "$40", "more"]),
    ]:
        words = tuple(Word(f" {part}", float(n), n + 1.0) for n, part in enumerate(parts))
        written_words = writer(Segment(0, 0.0, 9.0, "about 350,000 dollars.", words)).words
        assert [word.word.strip() for word in written_words] == right
        assert (written_words[1].start, written_words[1].end) == (
            1.0,
            float(len(parts)) if right[-1] != "more" else 3.0,
        )


def test_other_languages() -> None:
    """A name or a tag with a country is a language; of those without a record there is no writer."""
    assert [written(tag) is not None for tag in ("French", "pt-BR", "nl", "")] == [True, True, False, False]


WORDS = {
    "de": "eine Frau kam nach Hause, und das Wetter war schön. Niemand sprach",
    "en": "the wind was strong, and nobody came home. Perhaps later, said Ann",
    "es": "la casa estaba vacía, y nadie hablaba. Quizá mañana, dijo Ana",
    "fr": "la maison était vide, et personne ne parlait. Demain, dit Anne",
    "pt": "a casa estava vazia, e ninguém falava. Talvez amanhã, disse Ana",
}


@seeds(200)
def test_text_without_numbers_is_untouched(seed: int) -> None:
    """Every letter stays, in any order of words and signs."""
    random = Random(seed)
    for code, words in WORDS.items():
        spoken = "".join(random.choice((" ", "  ", "\n", " - ")) + random.choice(words.split()) for _ in range(30))
        assert text(spoken, code) == spoken


@seeds(300)
def test_nothing_raises(seed: int) -> None:
    """Number words, the words of all rules, signs and nonsense, in any order: words keep their order and times."""
    random = Random(seed)
    code = random.choice(CODES)
    record = languages()[code]
    known = [word for spoken, _ in rows(f"{code}.txt") for word in spoken.split()]
    pool = [
        *known,
        *record.millions,
        *record.months,
        "1,5",
        "00",
        "٣",
        "½",
        "x²",
        "-",
        "…",
        "p.m.",
        "\u200b",
        "{N}",
        "%s",
        "",
    ]
    heard = [
        random.choice(("", " ", "(", "“")) + random.choice(pool) + random.choice(("", ",", ".", "-")) for _ in range(25)
    ]
    words = tuple(Word(word, float(n), n + 1.0) for n, word in enumerate(heard))
    writer = written(code)
    assert writer
    segment = writer(Segment(0, 0.0, 25.0, " ".join(heard), words if seed % 2 else ()))
    times = [time for word in segment.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert len(segment.words) <= len(words)
