"""Reads a token as a record with its parts: of `$1.5 million/year` number, scale, money and what it is per."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from . import names
from .language import Language
from .near import Token

_GAP = re.compile("[ \u00a0\u202f\u2009'’]")


class Number(NamedTuple):
    """A number as it is written: digits, places after the decimal sign, a sign before, a word for millions behind."""

    whole: str
    places: str = ""
    sign: str = ""
    scale: str = ""
    foreign: bool = False  # whether the decimal sign is not the language's

    @property
    def value(self) -> float:
        return float(f"{self.whole}.{self.places or 0}")

    @property
    def is_whole(self) -> bool:
        return not self.places and not self.scale


class Amount(NamedTuple):
    """One number, or two as a range, of a unit or money: per another unit; `coins`: digits of the smaller money."""

    number: Number
    until: Number | None
    unit: str
    per: str = ""
    coins: str = ""


class Date(NamedTuple):
    """A day, or days of a month, a month or a year alone; `time` on that day."""

    day: int | None
    until: int | None
    month: int | None
    year: str
    weekday: str
    time: Time | None


class Time(NamedTuple):
    hour: int
    minute: int | None
    second: int | None
    noon: str
    zone: str
    until: Time | None


class Fraction(NamedTuple):
    whole: int | None
    part: int
    of: int


Record = Number | Amount | Date | Time | Fraction | tuple[Number, ...] | str


def number(written: str, language: Language, sign: str = "", scale: str = "", money: bool = False) -> Number:
    """Reads a number in the language's signs, or those of others where they can mean nothing else (`money`: 1.300)."""
    text = _GAP.sub("", written)
    point = language["number.decimal"]
    other = "." if point == "," else ","
    sign = {"−": "-", "–": "-"}.get(sign, sign)
    marks = re.findall("[.,]", text)
    if len(set(marks)) == 2:  # the last one is the decimal sign
        whole, mark, places = text.rpartition(marks[-1])
        return Number(re.sub("[.,]", "", whole), places, sign, scale, mark != point)
    if not marks:
        return Number(text, "", sign, scale)
    grouped = re.fullmatch(r"[1-9]\d{0,2}(?:[.,]\d{3})+", text)
    if len(marks) > 1 or (grouped and (marks[0] == other and (money or language.get("number.group", True)))):
        return Number(re.sub("[.,]", "", text), "", sign, scale)
    whole, mark, places = text.partition(marks[0])
    return Number(whole or "0", places, sign, scale, mark != point)


def parse(token: Token, language: Language) -> Record:
    """Returns the record of a token, by its class."""
    return _PARSERS.get(token.kind, _counted)(dict(token.parts), language)


def _counted(parts: dict[str, str], language: Language) -> Record:
    if "roman" in parts:
        return Number(str(roman(parts["roman"])))
    if not parts.get("number", "")[-1:].isdecimal():
        return ""
    written = re.sub(r"\A([1-9]\d{0,2})[.,](?=000\Z)", r"\1", parts["number"])  # 12,000 people
    return number(written, language, parts.get("sign", ""), parts.get("scale", ""))


def _amount(parts: dict[str, str], language: Language) -> Amount:
    unit = parts.get("money") or parts.get("unit", "")
    millions = language.get("money.scales", {}) if (money := "money" in parts) else {}
    parts = {name: millions.get(part, part) if name.startswith("scale") else part for name, part in parts.items()}
    first_scale, last_scale = _scales(parts)
    sign = parts.get("sign") or parts.get("minus", "")
    first, until = number(parts["number"], language, sign, first_scale, money), parts.get("until")
    last = number(until, language, "", last_scale, money)._replace(foreign=False) if until else None
    return Amount(first._replace(foreign=False), last, unit, parts.get("per", ""), parts.get("coins", ""))


def _scales(parts: dict[str, str]) -> tuple[str, str]:
    """Returns the scales of both ends of a range; of $1-2 million that of the first is its last one's, unsaid."""
    scale = parts.get("scale", "")
    if "scale2" in parts:
        return scale, parts["scale2"]
    return parts.get("scale1", "" if "until" in parts else scale), scale


def _date(parts: dict[str, str], language: Language) -> Date:
    month = parts.get("month", "")
    named = names.month_forms(language)
    year = parts.get("year", "")
    if len(year) == 2:
        year = f"{19 if int(year) > 40 else 20}{year}"
    return Date(
        int(parts["day"]) if "day" in parts else None,
        int(parts["until"]) if "until" in parts else None,
        int(month) if month.isdecimal() else named[month.rstrip(".")] if month else None,
        year,
        parts.get("weekday", "").rstrip("."),
        _time({**parts, "until": ""}, language) if "hour" in parts else None,
    )


def _time(parts: dict[str, str], language: Language) -> Time:
    until = {name[:-1]: part for name, part in parts.items() if name.endswith("2")}
    return Time(
        int(parts["hour"]),
        int(parts["minute"]) if parts.get("minute") else None,
        int(parts["second"]) if parts.get("second") else None,
        re.sub(r"[^apm]", "", parts.get("noon", "").lower()),
        parts.get("zone", ""),
        _time(until, language) if "hour" in until else None,
    )


def _fraction(parts: dict[str, str], language: Language) -> Fraction:
    whole = int(parts["whole"]) if parts.get("whole") else None
    if "vulgar" in parts:
        part, of = unicodedata.normalize("NFKC", parts["vulgar"]).split("⁄")
        return Fraction(whole, int(part), int(of))
    return Fraction(whole, int(parts["first"]), int(re.sub(r"\D", "", parts["second"])))


def _pair(parts: dict[str, str], language: Language) -> tuple[Number, ...]:
    first = parts.get("first") or parts.get("hour") or parts["number"]
    last = parts.get("second") or parts.get("minute") or parts["until"]
    return number(first, language, parts.get("sign", ""), parts.get("scale1", "")), number(
        last, language, "", parts.get("scale", "")
    )


_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def roman(numeral: str) -> int:
    """Returns the value of a Roman numeral."""
    values = [_ROMAN[sign] for sign in numeral.upper()]
    return sum(
        -value if value < following else value for value, following in zip(values, [*values[1:], 0], strict=True)
    )


_PARSERS = {
    "money": _amount, "measure": _amount, "date": _date, "time": _time, "fraction": _fraction,
    "tally": _pair, "ratio": _pair, "verse": _pair, "range": _pair, "difference": _pair, "over": _pair, "season": _pair,
    "dashed": _pair, "of_year": _pair,
}  # fmt: skip
