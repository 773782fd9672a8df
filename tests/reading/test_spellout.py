"""Numbers in words: each language's grammar, and no two numbers alike."""

from __future__ import annotations

import random

import pytest
from hushd_reading.spellout import LANGUAGES, cardinal, decimal, digits, ordinal, year

CARDINALS = [
    ("fr", 71, "m", "soixante et onze"), ("fr", 80, None, "quatre-vingts"), ("fr", 81, "f", "quatre-vingt-une"),
    ("fr", 200000, "f", "deux cent mille"), ("fr-BE", 71, None, "septante et un"), ("fr-CH", 81, "m", "huitante et un"),
    ("es", 21, None, "veintiuno"), ("es", 21, "m", "veintiún"), ("es", 31, "f", "treinta y una"),
    ("es", 200200, "f", "doscientas mil doscientas"), ("es", 200000001, "f", "doscientos millones una"),
    ("es", 1000000000, "m", "mil millones"), ("pt", 2, "f", "duas"), ("pt", 1200, "f", "mil e duzentas"),
    ("pt", 2002, "f", "duas mil e duas"), ("pt", 2000002, "f", "dois milhões e duas"), ("pt", 16, None, "dezesseis"),
    ("pt-PT", 16, None, "dezasseis"), ("pt-PT", 8313001001, None, "oito mil trezentos e treze milhões mil e um"),
    ("de", 1, None, "eins"), ("de", 1, "f", "eine"), ("de", 1, "n", "ein"), ("de", 101, "m", "einhundertein"),
    ("de", 1000000, None, "eine Million"), ("it", 1, "f", "una"), ("it", 1, "m", "un"), ("it", 33, None, "trentatré"),
    ("en", 1234, None, "one thousand two hundred thirty-four"), ("en", -5, None, "minus five"),
    ("fr", -5, None, "moins cinq"),
]  # fmt: skip
ORDINALS = [
    ("fr", 1, {"gender": "f"}, "première"), ("fr", 21, {}, "vingt et unième"), ("fr", 81, {}, "quatre-vingt-unième"),
    ("fr", 101, {"plural": True}, "cent unièmes"), ("es", 3, {"case": "adjective"}, "tercer"), ("es", 3, {}, "tercero"),
    ("es", 16, {"gender": "f"}, "decimosexta"), ("es", 11, {}, "undécimo"), ("es", 12, {"gender": "f"}, "duodécima"),
    ("es", 21, {"gender": "f", "plural": True}, "vigésimas primeras"), ("pt", 22, {"gender": "f"}, "vigésima segunda"),
    ("de", 3, {}, "dritte"), ("de", 21, {"gender": "m", "case": "dative"}, "einundzwanzigsten"),
    ("de", 7, {"gender": "f", "case": "accusative"}, "siebte"), ("it", 3, {"gender": "f"}, "terza"),
    ("it", 2, {"plural": True}, "secondi"), ("it", 23, {"gender": "f"}, "ventitreesima"),
    ("it", 26, {}, "ventiseiesimo"),
    ("it", 21000, {}, "ventunmillesimo"), ("en", 22, {}, "twenty-second"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "value", "gender", "spoken"), CARDINALS)
def test_a_cardinal_agrees_with_the_noun_it_counts(language: str, value: int, gender: str | None, spoken: str) -> None:
    """One and hundreds have a gender where the language gives them one; without a noun a number stands alone."""
    assert cardinal(value, language, gender) == spoken


@pytest.mark.parametrize(("case", "spoken"), [("nominative", "ein"), ("accusative", "einen"), ("dative", "einem"),
                                              ("genitive", "eines")])  # fmt: skip
def test_a_german_one_has_a_case(case: str, spoken: str) -> None:
    """The article ein is declined."""
    assert cardinal(1, "de", "m", case) == spoken


@pytest.mark.parametrize(("language", "value", "form", "spoken"), ORDINALS)
def test_an_ordinal_has_a_gender_and_a_number(language: str, value: int, form: dict[str, str], spoken: str) -> None:
    """Ordinals agree, and are shortened and declined as the grammar says."""
    assert ordinal(value, language, **form) == spoken  # type: ignore[arg-type]


@pytest.mark.parametrize(("language", "number", "spoken"), [
    ("de", "3.14", "drei Komma eins vier"), ("fr", "3.14", "trois virgule quatorze"),
    ("en", "-0.05", "minus zero point zero five"),
    ("es", "0.002", "cero coma cero cero dos"), ("pt", "1.50", "um vírgula cinquenta"),
    ("it", "3.14159", "tre virgola uno quattro uno cinque nove"),
])  # fmt: skip
def test_a_decimal_keeps_each_of_its_places(language: str, number: str, spoken: str) -> None:
    """Zeros are read; a short rest is a number but in English and German."""
    assert decimal(number, language) == spoken


def test_a_year_is_read_by_hundreds_in_english_and_german() -> None:
    """Other languages count it."""
    assert [year(1984, each) for each in ("en", "de", "fr")] == [
        "nineteen eighty-four", "neunzehnhundertvierundachtzig", "mille neuf cent quatre-vingt-quatre",
    ]  # fmt: skip


def test_digits_are_read_in_groups() -> None:
    """A French telephone is read by twos; a group's leading zero is spoken."""
    assert digits("0612", "fr", 2) == "zéro six douze"
    assert digits("007", "es") == "cero cero siete"


@pytest.mark.parametrize("language", [*LANGUAGES, "fr-BE", "fr-CH", "pt-PT"])
def test_no_two_numbers_are_spoken_alike(language: str) -> None:
    """Cardinals and ordinals, small and drawn, have words of their own, without a digit."""
    chance = random.Random(language)
    values = {*range(1200), *(chance.randrange(10 ** chance.randint(4, 15)) for _ in range(600)), 10**15, 10**20 + 1}
    spoken = [cardinal(value, language) for value in values]
    spoken += [ordinal(value, language) for value in range(1, 1200)]
    assert len({*spoken}) == len(spoken)
    assert not any(sign.isdigit() for words in spoken for sign in words)
