"""No number is lost: texts of numbers, drawn, in five languages; the words spoken are turned back into digits."""

from __future__ import annotations

import random
import re
from functools import cache

import pytest
from hushd_reading.items import Piece
from hushd_reading.reader import read
from hushd_reading.spellout import cardinal, ordinal, year
from support.seeds import SHARE, seeds

# Before and after numbers; no word sounds like one.
AROUND = {
    "en": "It is {} degrees.|x = {}|result: {}|The value is {}, not {}.|From {} until {}, said Ada.|({})|Use {} here",
    "fr": "Il fait {} degrés.|x = {}|résultat : {}|La valeur est {}, pas {}.|Depuis {} à {}, dit Ada.|({})|Mets {} ici",
    "de": "Es sind {} Grad.|x = {}|Ergebnis: {}|Der Wert ist {}, nicht {}.|Seit {} bis {}, sagt Ada.|({})|Nimm {} hier",
    "es": "Hace {} grados.|x = {}|resultado: {}|El valor es {}, no {}.|Desde {} hasta {}, dice Ada.|({})|Usa {} ahora",
    "pt": "Faz {} graus.|x = {}|resultado: {}|O valor é {}, não {}.|Desde {} até {}, diz Ada.|({})|Use {} agora",
}  # fmt: skip
MINUS = {"en": "minus", "fr": "moins", "de": "minus", "es": "menos", "pt": "menos"}
SCALES = {
    "en": "thousand million billion", "fr": "mille million milliard", "de": "tausend million milliarde",
    "es": "mil millón", "pt": "mil milhão bilhão",
}  # fmt: skip
PERCENT = r"\bp(?:er|our|or) (?:cen|cien|mil)\w*"
SAME = {
    "fr": [(r"\b(un)e\b|\b(cent|vingt|million|milliard)s\b", r"\1\2")],
    "de": [("tausend", " tausend "), (r"(?:\b|(?<=hundert))ein(?:e[nmrs]?|s)?\b", "eins"),
           (r"\b(million|milliarde)n?(?:en)?\b", r"\1")],
    "es": [(r"\buna?\b", "uno"), ("veintiún", "veintiuno"), (r"ientas\b", "ientos"), ("millones", "millón"),
           (r"\bcien\b", "ciento")],
    "pt": [(r"\buma\b", "um"), (r"\bduas\b", "dois"), (r"entas\b", "entos"), (r"(milh|bilh)ões", r"\1ão"),
           (r"\bcem\b", "cento")],
    "en": [(r"\band ", ""), (r"\boh\b", "zero")],
}  # fmt: skip


def plain(words: str, language: str) -> str:
    """The words in one form for each number."""
    words = re.sub(r"[^\w\s]|_", " ", re.sub(PERCENT, "%", words.lower().replace(",", " pause ")))
    for written, same in SAME[language]:
        words = re.sub(written, same, words)
    return " ".join(words.split())


@cache
def names(language: str) -> dict[tuple[str, ...], int]:
    """The numbers below a thousand by their words, the years, and in English days."""
    found = {n: cardinal(n, language) for n in range(1000)}
    if language in ("en", "de"):
        found |= {n: year(n, language) for n in range(1100, 2000)}
    named = {tuple(plain(name, language).split()): n for n, name in found.items()}
    if language == "en":
        named |= {tuple(plain(ordinal(n, "en"), language).split()): n for n in range(1, 32)}
    return named


def digits(words: str, language: str) -> str:
    """The digits of all numbers in words, and a sign for each minus."""
    tokens, at, found = plain(words, language).split(), 0, ""
    while at < len(tokens):
        end, value = number(tokens, at, language, SCALES[language].split())
        found += str(value) if end > at else "-" * (tokens[at] == MINUS[language])
        at = max(end, at + 1)
    return found


def number(tokens: list[str], at: int, language: str, scales: list[str]) -> tuple[int, int]:
    """The end of the number that begins here, and its value; the place itself if none does."""
    if not scales:
        ends = (end for end in range(at + 8, at, -1) if tuple(tokens[at:end]) in names(language))
        end = next(ends, at)
        return end, names(language).get(tuple(tokens[at:end]), 0)
    *smaller, scale = scales
    end, value = number(tokens, at, language, smaller)
    if tokens[end : end + 1] != [scale]:
        return end, value
    value = (value or 1) * 1000 ** len(scales)
    joined = end + 1 + (tokens[end + 1 : end + 2] in (["e"], ["y"]))
    last, rest = number(tokens, joined, language, smaller)
    return (last, value + rest) if last > joined else (end + 1, value)


def spoken(text: str, language: str) -> str:
    """The words that are spoken."""
    return " ".join(item.text for item in read([text.encode()], language=language) if isinstance(item, Piece))


def drawn(chance: random.Random, language: str) -> tuple[str, str]:
    """A number as it is written, and its digits as they must be spoken."""
    point, group = (".", ",") if language == "en" else (",", "\u202f" if language == "fr" else ".")
    n = chance.choice((chance.randrange(10), chance.randrange(1000), chance.randrange(10 ** chance.randint(4, 12))))
    small, part = chance.randrange(1, 1000), chance.choice(("5", "0", "10", "25", "05", "50", "125", "100"))
    low, high = sorted(chance.sample(range(1, 100), 2))
    hour, minute = chance.randrange(1, 20), chance.randrange(10, 60)
    tail = "".join(chance.choices("0123456789", k=chance.choice((1, 2, 3, 4, 6))))
    phone = [chance.choice(("0800", "030", "0207", "01")), *(str(chance.randrange(1000, 10**4)) for _ in range(2))]
    space, sign = chance.choice(" \u00a0\u202f"), chance.choice("-−")
    return chance.choice([
        (f"{n}", f"{n}"), (f"{sign}{n}", f"-{n}"), (f"{sign}{small}{point}{part}", f"-{small}{part}"),
        (f"{n:,}".replace(",", group), f"{n}"), (f"{n:,}".replace(",", space), f"{n}"),
        (f"{small}{point}{part}", f"{small}{part}"), (f"0{point}{part}", f"0{part}"),
        (f"0{tail}", f"0{tail}"), (f"00{tail}", f"00{tail}"),
        (chance.choice(" -/").join(phone), "".join(phone)), (f"+{low} {phone[1] * 2}", f"{low}{phone[1] * 2}"),
        (f"{small}{space}%", f"{small}"), (f"{small}%", f"{small}"), (f"{n} km", f"{n}"), (f"{small}W", f"{small}"),
        (f"{small}{'‰' * (language != 'en')}", f"{small}"), (f"{n} m²", f"{n}"), (f"{sign}{n} °C", f"-{n}"),
        (f"{small}{point}{minute} €", f"{small}{minute}"), (f"${small}.{minute}", f"{small}{minute}"),
        (f"{low}-{high}", f"{low}{high}"), (f"{low}–{high}", f"{low}{high}"), (f"#{n}", f"{n}"),
        (f"{hour}:{minute}", f"{hour}{minute}"), (f"{low + 31}.{high}.{minute}", f"{low + 31}{high}{minute}"),
        (f"{chance.randrange(1100, 2030)}",) * 2, (f"{low}/{high} tests", f"{low}{high}"),
    ])  # fmt: skip


def text(seed: int, language: str) -> tuple[str, str]:
    """A text, and the digits of its numbers."""
    chance = random.Random(f"{seed} {language}")
    around = chance.choice(AROUND[language].split("|"))
    numbers = [drawn(chance, language) for _ in range(around.count("{}"))]
    return around.format(*(written for written, _ in numbers)), "".join(said for _, said in numbers)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("language", [*AROUND])
@seeds(max(int(120 * SHARE), 1))
def test_no_number_is_lost(language: str, seed: int) -> None:
    """Each number is spoken with all of its digits, and with its minus."""
    asked, written = text(seed, language)
    said = spoken(asked, language)
    assert digits(said, language) == written, (asked, said)
