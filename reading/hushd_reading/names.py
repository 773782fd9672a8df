"""Names of the signs of units, money and months in a language: its own from its table, all others from CLDR."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from . import cldr, gender
from .language import Language, ready, table
from .near import Near

ISO = (
    "EUR|USD|GBP|JPY|CHF|CNY|AUD|CAD|NZD|HKD|SGD|BRL|MXN|ARS|CLP|COP|PEN|UYU|INR|KRW|RUB|TRY|PLN|CZK|HUF|"
    "SEK|NOK|DKK|ISK|ILS|ZAR|EGP|AED|SAR|THB|IDR|MYR|VND|UAH|RON|BGN|BTC"
)
# Codes that mean money in small letters, too, unlike try, pen and ron.
SMALL_CODES = "usd|eur|gbp|chf|hkd|jpy|brl|mxn|aud|nzd|cny|nok|dkk|pln|inr"


class Money(NamedTuple):
    """Names of money and of its coins, in the singular and plural; no coins if nobody counts them."""

    single: str
    plural: str
    coins: tuple[str, str] | tuple[()]
    gender: str | None


@cache
def month_forms(language: Language) -> dict[str, int]:
    """Returns the months as they are written, in full and short without a full stop."""
    forms: dict[str, int] = {}
    for number in range(12):
        for width in ("wide", "abbreviated"):
            name = ready(language.code)[f"months-{width}"][number].rstrip(".")
            forms |= dict.fromkeys((name, name.capitalize(), name.upper()), number + 1)
    if language["date.order"] == "mdy":
        forms |= {name.lower(): number for name, number in forms.items()}
    own = {name: number + 1 for number, names in enumerate(language.get("date.months", ())) for name in names.split()}
    return forms | own | {name.upper(): number for name, number in own.items()}


@cache
def unit_signs(language: Language) -> frozenset[str]:
    """Returns the signs of units that the language reads."""
    return frozenset(
        (set(table("common")["units"]) | set(language.get("units.own", {}))) - language.words("units.none")
    )


def unit_sign(written: str, language: Language) -> str:
    """Returns the sign of a unit that is written in other letters, such as 12KG, as the tables have it."""
    known, other = unit_signs(language), table("common")["any_case"].get(written.casefold(), "")
    return written if written in known or other not in known else str(other)


@cache
def unit(sign: str, language: Language, single: bool) -> str:
    """Returns the name of a unit, or the sign itself, which is a word then."""
    own = language.get("units.own", {}).get(sign)
    if own is not None:
        return str(own.split("/")[0 if single else -1])
    name = table("common")["units"].get(sign)
    return (cldr.unit(name, language.tag, single) or sign) if name else sign


def noun_after(near: Near) -> str:
    """Returns the word that follows, of a unit's sign its name in the singular; a word such as of counts as none."""
    word = near.word_after()
    if word.lower() in near.language.words("not_nouns") | near.language.words("begins"):
        return ""
    return unit(word, near.language, True) if word in unit_signs(near.language) else word


def noun_gender(name: str, language: Language) -> str | None:
    """Returns the gender of a name of units or money, which of a noun with two is the table's."""
    return "f" if name in language.words("feminine") else gender.of(name, language.code)


@cache
def money_signs(language: Language) -> frozenset[str]:
    return frozenset({*table("common")["money"], *ISO.split("|"), *language.get("money.own", {})})


@cache
def money(sign: str, language: Language) -> Money:
    """Returns the names for a sign of money or its code of ISO 4217."""
    code = table("common")["money"].get(sign, sign)
    names = language.get("money.own", {}).get(sign) or language.get("money.own", {}).get(code)
    if names is not None:
        forms = [name.replace("_", " ") for pair in names.split() for name in pair.split("/")]
        coins = (forms[2], forms[3]) if len(forms) > 2 else ()
    else:
        forms, coins = [cldr.currency(code, language.tag, single) or code for single in (True, False)], ()
    return Money(forms[0], forms[1], coins, noun_gender(forms[0].split()[0], language))
