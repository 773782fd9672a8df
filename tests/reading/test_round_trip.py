"""No number is lost or invented: texts of numbers, drawn, spoken, and written again by the plugin `written`."""

from __future__ import annotations

import random
import re

import pytest
from hushd.transcripts.segment import Segment
from hushd_reading.items import Piece
from hushd_reading.reader import read
from support.seeds import SHARE, seeds

writing = pytest.importorskip("hushd_written.writing", reason="the plugin written is not installed")
pytestmark = pytest.mark.plugin("written")

AROUND = {  # of a number, a time and money
    "en": ("We saw {} of them", "We meet at {} then", "It costs {} now", "million", "${}.{}"),
    "de": ("Wir sahen {} davon", "Wir treffen uns um {} Uhr", "Es kostet {} heute", "Millionen", "{},{} €"),
    "fr": ("Il y en a {} ici", "On se voit à {} demain", "Il coûte {} ici", "millions", "{},{} €"),
    "es": ("Hay {} aquí", "Quedamos a las {} mañana", "Cuesta {} ahora", "millones", "{},{} €"),
    "pt": ("São {} aqui", "Chega às {} amanhã", "Custa {} agora", "milhões", "{},{} €"),
}


def drawn(chance: random.Random, language: str) -> str:
    """A text with a number of a class that both know."""
    number, time, money, million, price = AROUND[language]
    point, group = (".", ",") if language == "en" else (",", "\u202f" if language == "fr" else ".")
    n = chance.randrange(2101, 10 ** chance.randint(4, 6), 10)
    return chance.choice((
        number.format(f"{n:,}".replace(",", group)), number.format(chance.randrange(10, 1000)),
        number.format(f"{chance.randrange(1000)}{point}{chance.choice(('5', '25', '05', '75', '125'))}"),
        number.format(f"{chance.randrange(2, 100)}{chance.choice(('', ' '))}%"),
        number.format(f"{chance.randrange(2, 100)} {million}"),
        time.format(f"{chance.randrange(2, 13)}:{chance.randrange(10, 60)}"),
        money.format(price.format(chance.randrange(2, 1000), chance.randrange(10, 100))),
    ))  # fmt: skip


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("language", AROUND)
@seeds(max(int(250 * SHARE), 1))
def test_a_number_comes_back(language: str, seed: int) -> None:
    """Its digits are the same, in order: none lost, none invented."""
    text = drawn(random.Random(f"{seed} {language}"), language)
    said = " ".join(item.text for item in read([text.encode()], language=language) if isinstance(item, Piece))
    written = writing.written(language)
    assert written is not None
    back = written(Segment(id=0, start=0.0, end=1.0, text=said, words=())).text
    assert re.sub(r"\D", "", back) == re.sub(r"\D", "", text), (text, said, back)
