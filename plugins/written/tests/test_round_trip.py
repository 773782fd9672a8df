"""Numbers go from a text to spoken words, and are written back the same where both know their class."""

from __future__ import annotations

import random
import re

import pytest
from hushd.transcripts.segment import Segment
from hushd_reading.items import Piece
from hushd_reading.reader import read
from support.seeds import SHARE, seeds

pytest.importorskip("text_to_num", reason="pip install text2num")
pytest.importorskip("unicode_rbnf", reason="pip install unicode-rbnf")

from hushd_written.writing import written

# Dates, times, money, counts, percentages, decimals, measures and ordinals, as each language writes them.
FORMS = {
    "en": "{m} {d}, {y}|at {h}:{mi}|${a}.{c}|{n} people|{n}%|{x}.{p} miles|{n} km|the {o} page",
    "fr": "le {d} {m} {y}|à {h}h{mi}|{a},{c} €|{n} personnes|{n} %|{x},{p} litres|{n} km|le {o} jour",
    "de": "am {d}. {m} {y}|um {h}:{mi} Uhr|{a},{c} €|{n} Personen|{n} %|{x},{p} Liter|{n} km|der {o} Tag",
    "es": "el {d} de {m} de {y}|a las {h}:{mi}|{a},{c} €|{n} personas|{n} %|{x},{p} litros|{n} km|la {o} parte",
    "pt": "em {d} de {m} de {y}|às {h}h{mi}|R$ {a},{c}|{n} pessoas|{n}%|{x},{p} litros|{n} km|a {o} parte",
}  # fmt: skip
MONTHS = {"en": "March May", "fr": "février août", "de": "März Juli", "es": "enero junio", "pt": "março outubro"}
GROUPS = {"en": ",", "fr": "\u202f"}
ORDINALS = {"en": "th", "fr": "e", "de": ".", "es": ".ª", "pt": "ª"}


def drawn(chance: random.Random, language: str) -> tuple[str, str]:
    """A number as it is written, and its digits. A year of English is one that text is written for; text2num does not
    know "sixtieth"."""
    english = language == "en"
    year = (
        chance.randint(1710, 1999)
        if english
        else chance.choice((chance.randint(1100, 1999), chance.randint(2000, 2099)))
    )
    count = chance.choice((chance.randint(10, 99), chance.randint(101, 9999), chance.randint(10**4, 10**6 - 1)))
    ordinal = chance.choice([14, 26, 35, 47, 58, 69, 74, 96] if english else range(11, 100))
    numbers = {
        "d": str(chance.randint(2, 28)), "y": str(year), "h": str(chance.randint(3, 12 if english else 23)),
        "mi": str(chance.randint(10, 59)), "a": str(chance.randint(11, 9999)), "c": str(chance.randint(11, 99)),
        "n": f"{count:,}".replace(",", GROUPS.get(language, ".")), "x": str(chance.randint(11, 999)),
        "p": chance.choice(("5", "25", "75", "12")), "o": f"{ordinal}{ORDINALS[language]}",
        "m": chance.choice(MONTHS[language].split()),
    }  # fmt: skip
    asked = chance.choice(FORMS[language].split("|")).format(**numbers)
    return asked, re.sub(r"\D", "", asked)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("language", [*FORMS])
@seeds(max(int(400 * SHARE), 1))
def test_what_is_spoken_is_written_back(language: str, seed: int) -> None:
    """No digit is lost and none is invented on the way from a text to words and back."""
    asked, digits = drawn(random.Random(f"{seed} {language}"), language)
    spoken = " ".join(item.text for item in read([asked.encode()], language=language) if isinstance(item, Piece))
    writer = written(language)
    assert writer
    again = re.sub(r"(?<=\d) mil\b", "000", writer(Segment(0, 0.0, 1.0, spoken)).text)  # Portuguese writes 976 mil
    assert re.sub(r"\D", "", again) == digits, (asked, spoken, again)
