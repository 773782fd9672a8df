"""Numbers in words, by the rules of CLDR (unicode-rbnf): cardinals and ordinals with gender and case, decimals, years.

A language is a tag, such as `fr-CH`: Belgium, Switzerland and Portugal count their own way. What CLDR gets wrong, or
spells unlike the rest of a text, is mended in `_MENDS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from .language import ready

if TYPE_CHECKING:
    from unicode_rbnf import RbnfEngine

LANGUAGES = ("en", "de", "fr", "es", "pt", "it")
# Numbers from here on are read digit by digit: CLDR has no names for them.
FIRST_IN_DIGITS = 10**18

_REGIONS = {"fr-be": "fr_BE", "fr-ch": "fr_CH", "pt-pt": "pt_PT"}
FIRST_READY = {"numbering-year": 1900}  # first number whose words are `ready`, unless it is 0, by their rules
_GENDERS = {"m": "masculine", "f": "feminine", "n": "neuter"}
# The German article ein: what CLDR calls a case is its ending.
_EIN = {
    ("m", "accusative"): "n", ("f", "genitive"): "r", ("f", "dative"): "r", ("m", "genitive"): "s",
    ("n", "genitive"): "s", ("m", "dative"): "m", ("n", "dative"): "m",
}  # fmt: skip
# Languages that read places after a comma one by one, and years by hundreds.
_GERMANIC = ("de", "en")
# French is spelled as before 1990, like the texts around its numbers, and its 81st and 101st have no "et"; a
# Portuguese milliard is a thousand millions once; and Spanish has words of its own for the eleventh and twelfth.
_MENDS = {
    "en": [("oh-", "oh ")],
    "fr": [("quatre-vingt-et-", "quatre-vingt-"), ("cent-et-", "cent "), ("-et-", " et ")],
    "es": [(r"decimoprimer\b", "undécimo"), ("decimoprimer", "undécim"), ("decimosegund", "duodécim")],
    "pt": [(r"\bmil milhões (?=.* milhões)", "mil ")],
}


def cardinal(value: int, language: str, gender: str | None = None, case: str | None = None) -> str:
    """Returns a number in words, as it is before a noun if `gender` is given: veintiún (m), veintiuna (f), veintiuno.

    Args:
        gender: `m`, `f` or `n`, of the noun that it counts.
        case: of German alone: `nominative`, `accusative`, `genitive` or `dative`.
    """
    if abs(value) >= FIRST_IN_DIGITS:
        return " ".join(filter(None, [minus(language) * (value < 0), digits(str(abs(value)), language)]))
    base, rules = _base(language), "numbering"
    if gender is not None:
        ending = _EIN.get((gender, case or "")) if base == "de" else None
        names = [f"cardinal-{ending or _GENDERS[gender]}", "cardinal-masculine", "cardinal"]
        known = _ready(language) or {name.removeprefix("spellout-") for name in engine(language).rulesets}
        rules = next(name for name in names if name in known)
    spoken = _spelled(value, language, rules)
    if base == "es" and gender == "f":
        return re.sub(r"ientos\b(?!.* mill)", "ientas", spoken)  # doscientas mil, but doscientos millones
    return spoken


def ordinal(
    value: int, language: str, gender: str | None = None, case: str | None = None, *, plural: bool = False
) -> str:
    """Returns an ordinal in words: troisième, tercera, vigésimos, terzi.

    Spanish shortens it before a masculine noun, `case="adjective"`: primer, tercer. In German it is "dritte", to which
    a caller may add an ending; a `case` but the nominative is that after an article: dritten.
    """
    base = _base(language)
    if base == "de":
        spoken = re.sub("^ein(?=(?:hundert|tausend)st)", "", _spelled(value, language, "ordinal"))
        weak = case is not None and (plural or case != "nominative") and (gender, case) != ("f", "accusative")
        return spoken + "n" * (weak and (gender, case) != ("n", "accusative"))
    if base == "en":
        return _spelled(value, language, "ordinal")
    named = _GENDERS[gender or "m"]
    if base == "it" and value > 10:
        return _italian_ordinal(value, language, "oaie"[(gender == "f") + 2 * plural])
    if base == "it":
        return _spelled(value, language, f"ordinal-{named}" + "-plural" * plural)
    spoken = _spelled(value, language, f"ordinal-{named}" + "-adjective" * (case == "adjective" and gender != "f"))
    each = plural and base != "fr" and value < 1000  # vigésimos primeros
    return " ".join(f"{word}s" for word in spoken.split()) if each else spoken + "s" * plural


def decimal(number: str, language: str, gender: str | None = None) -> str:
    """Returns a decimal number, such as `3.05`, in words: trois virgule zéro cinq, drei Komma null fünf."""
    whole, _, places = number.partition(".")
    spoken = cardinal(int(whole), language, gender if not places else None)
    if whole.startswith("-0"):
        spoken = f"{minus(language)} {spoken}"
    return f"{spoken} {comma(language)} {_places(places, language)}" if places else spoken


def digits(number: str, language: str, group: int = 1) -> str:
    """Returns digits in words, in groups of `group`, whose leading zeros are read: zéro six, douze."""
    first = len(number) % group
    parts = [number[:first], *(number[at : at + group] for at in range(first, len(number), group))]
    return " ".join(_zeros(part, language) for part in parts if part)


def year(value: int, language: str) -> str:
    """Returns a year in words: nineteen eighty-four, neunzehnhundertvierundachtzig, mille neuf cent."""
    return _spelled(value, language, "numbering" + "-year" * (_base(language) in _GERMANIC))


def comma(language: str) -> str:
    """Returns the word between a whole number and its places: point, virgule, Komma."""
    if known := _ready(language).get("comma"):
        return known[0]
    return computed("0.5", language, "cardinal" if _base(language) == "en" else "cardinal-masculine").split()[1]


def minus(language: str) -> str:
    """Returns the word before a negative number."""
    return _spelled(-1, language, "numbering").split()[0]


def _base(language: str) -> str:
    return language.lower().replace("_", "-").partition("-")[0]


def _ready(language: str) -> Mapping[str, list[str]]:
    return {} if _region(language) in _REGIONS else ready(_base(language))


def _region(language: str) -> str:
    return "-".join(language.lower().replace("_", "-").split("-")[:2])


@cache
def engine(language: str) -> RbnfEngine:
    """Returns the library's rules for a language."""
    from unicode_rbnf import RbnfEngine

    return RbnfEngine.for_language(_REGIONS.get(_region(language)) or _base(language))


def _spelled(value: int, language: str, rules: str) -> str:
    known, at = _ready(language).get(rules, ()), value - FIRST_READY.get(rules, 0)
    return known[at] if 0 <= at < len(known) else computed(value, language, rules)


def computed(value: int | str, language: str, rules: str) -> str:
    """Returns a number in words, by the library's rules of this name."""
    spoken = "".join(engine(language).iter_format_number(value, f"spellout-{rules}")).replace("\u00ad", "")
    for wrong, right in _MENDS.get(_base(language), ()):
        spoken = re.sub(wrong, right, spoken)
    return spoken


def _zeros(number: str, language: str) -> str:
    rest = number.lstrip("0")
    zero = cardinal(0, language)
    return " ".join([zero] * (len(number) - len(rest)) + ([cardinal(int(rest), language)] if rest else []))


def _places(places: str, language: str) -> str:
    short = len(places.lstrip("0")) <= 3 and _base(language) not in _GERMANIC
    return _zeros(places, language) if short else digits(places, language)


def _italian_ordinal(value: int, language: str, ending: str) -> str:
    """Returns an ordinal above ten, of which CLDR has wrong ones: the cardinal without its last vowel, and -esimo."""
    spoken = re.sub("mila$", "mille", cardinal(value, language).replace(" ", ""))
    stem = re.sub("é$", "e", spoken) if re.search("(?:tr[eé]|sei)$", spoken) else spoken[:-1]
    return f"{stem}esim{ending}"
