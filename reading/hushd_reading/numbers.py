"""Reads numbers and all that has them as words: times, dates, ordinals, money, percentages, units, ratios.

French, Portuguese, German and Spanish have their tables here. English has none, since its engines read all of this
themselves. num2words counts; its money and its decimals are not how anybody speaks, and are not used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from .items import MappedText
from .number_words import FRENCH, GERMAN, LABEL, NOT_NOUNS, PORTUGUESE, SPANISH, NumberWords
from .words import table

_TABLES = {"fr": FRENCH, "pt": PORTUGUESE, "de": GERMAN, "es": SPANISH}
_COUNTERS = {"fr-be": "fr_BE", "fr-ch": "fr_CH", "fr": "fr", "pt-pt": "pt", "pt": "pt_BR", "de": "de", "es": "es"}
_MAX_NUMBER_DIGITS = 15  # digits; longer numbers, and those with leading zeros, are read digit by digit

_GAP = "[ \u00a0\u202f\u2009]"
_BEGIN = r"(?<![\w.,:/-])(?<!\d )"
# A number: with groups of thousands, with decimals, or a version with several points.
_PLAIN = r"\d+(?:\.\d+)+|\d+(?:,\d+)?"
_NUMBER = (
    rf"(?:\d{{1,3}}(?:{_GAP}\d{{3}})+(?!\d)(?:,\d+)?|\d{{1,3}}(?:,\d{{3}})+\.\d+|\d{{1,3}}(?:,\d{{3}}){{2,}}|\d{{1,3}}(?:\.\d{{3}})+,\d+|"
    rf"{_PLAIN})"
)
_DASH = r"\s?[-–]\s?"

_ISO = re.compile(r"(?<![\w-])(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?![\d-])(?:[T ](?=\d\d:))?")
_ZONE = re.compile(r"(?<=\d\d:\d\d)(:\d\d)?(?:\.\d+)?Z\b")
_DAY = re.compile(
    r"(?<![\w./-])(?P<day>\d{1,2})(?P<sign>[/.-])(?P<month>\d{1,2})(?P=sign)(?P<year>\d{4}|\d\d)(?![\w/-]|\.\d)"
)
_SPANS = re.compile(rf"(\d{{1,2}}(?::\d\d|{_GAP}?h(?:\d\d)?)){_DASH}(?=\d{{1,2}}(?::\d\d|{_GAP}?h))")
_CLOCK = re.compile(
    rf"{_BEGIN}(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:[.,]\d+)?)?"
    rf"(?P<unit>{_GAP}?(?:Uhr|h)\b)?(?![\w:/]|[.,]\d)"
)
_HOURS = re.compile(
    rf"(?<![\w.,:/-])(?P<hour>\d{{1,2}}){_GAP}?h(?:{_GAP}?(?P<minute>[0-5]\d)(?:{_GAP}?m(?:in)?\b)?)?(?![\w/])(?P<second>)"
)
_UHR = re.compile(r"(?<![\w.,:])(?P<hour>[01]?\d|2[0-4])(?:\.(?P<minute>[0-5]\d))?(?P<unit> Uhr\b)(?P<second>)")
_RATIO_BEFORE = re.compile(
    r"(?:rapport|ratio|échelle|formato?|proporção|razão|escala|relación|verhältnis|maßstab)\W+(?:de |von )?\Z",
    re.IGNORECASE,
)
_RATIO = re.compile(r"(?<![\w.,:])(\d{1,4}):(\d{1,4})(?![\w:]|[.,]\d)")
_BY = re.compile(rf"(?<![\w.,])({_PLAIN}){_GAP}?[×x*]{_GAP}?(?={_PLAIN})(?!\d+[a-f])")
_RANGE = re.compile(rf"(?<![\w.,-])({_PLAIN})({_GAP}?[%€$])?{_DASH}(?={_PLAIN})")
_FRACTION = re.compile(r"(?<![\w.,:/])(\d{1,4})/(\d{1,4})(?![\w/]|[.,]\d)")
_PER = r"(?:/(?P<per>[^\W\d_]+))?"
_RATE = re.compile(r"(?<=[^\W\d_])/(s|min|h)\b")
_ABOUT = re.compile(r"(?<!\w)~\s?(?=\d)")
_SIGN = re.compile(rf"(?<![^\s(\[«\"'„“:=])(?P<sign>[-+±]){_GAP}?(?=\d)")
_COUNTED = re.compile(
    rf"(?<![\d.,])(?P<letter>(?<=[^\W\d_]))?(?P<number>{_NUMBER})(?=(?P<after>[^\W\d_])?)"
    rf"(?:(?={_GAP}(?P<noun>[^\W\d_]+)))?"
)

_YEAR = re.compile(r"1[1-9]\d\d")
_YEAR_BEFORE = re.compile(r"\b(?:seit|ab|bis|von|anno|Jahre?s?|Anfang|Mitte|Ende)\s+\Z", re.IGNORECASE)
_NO_YEAR_BEFORE = re.compile(r"(?:minus|plus|mal|etwa|rund|über|unter|nur|fast|zirka|kostet|kosten)\s+\Z")

_ONES = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
_ROMAN = {tens + ones: 10 * i + j for i, tens in enumerate(("", "X", "XX", "XXX")) for j, ones in enumerate(_ONES)}
_ROMAN_ORDINAL = {
    "fr": re.compile(r"\b[IVX]+(?=(?:er|re|e|ème)s?\b)"),
    "de": re.compile(r"\b(?:[IVX]{2,}|(?<=\b[ia]m )[VX]|(?<=\bde[rsmn] )[VX])(?=\.\s)"),
}
_OF = re.compile(r"\b(?:von|mit|bei|nach|unter|vor|zu|seit|aus)\s+(?:[^\W\d_]+\s+)?\Z")  # der, von dem Fünften


class Numbers:
    """Rewrites text with digits, in one language.
    `count`: from a number and `cardinal`, `ordinal` or `year` to words."""

    def __init__(self, words: NumberWords, count: Callable[[int, str], str]) -> None:
        self._words, self._count, self._months = words, count, words.months.split()
        rows = table(words.code)
        self._scales: dict[str, tuple[str, ...]] = {
            sign: tuple(names.split("/")) for sign, names in rows["scales"].items()
        }
        self._all_units: dict[str, tuple[str, ...]] = {**words.units, **self._scales}
        signs, scales, units = map(_alternatives, (words.money, self._scales, self._all_units))
        self._before = re.compile(
            rf"(?<![\w.,])(?P<sign>{signs}){_GAP}?(?P<number>{_NUMBER})(?:{_GAP}?(?P<scale>{scales}))?(?!\w){_PER}"
        )
        self._after = re.compile(
            rf"(?<![\w.,])(?P<number>{_NUMBER}){_GAP}?(?:(?P<scale>{scales}){_GAP}?)?(?P<sign>{signs})(?!\w){_PER}"
        )
        self._units = re.compile(
            rf"(?:(?<![\w.,])|(?<=\d[mh]))(?P<number>{_NUMBER}){_GAP}?(?P<unit>{units})(?![^\W\d_]|\.\w|(?<=[23])\d){_PER}"
        )
        months = "|".join(self._months)
        self._dated = re.compile(
            rf"(?<![\w.,])(?P<day>\d{{1,2}})(?P<mark>\.|er|º|\.º)?{_GAP}(?P<of>de )?(?P<month>{months})\b"
            rf"(?:{_GAP}(?:de )?(?P<year>[12]\d{{3}})\b)?",
            re.IGNORECASE,
        )
        rulers, chapters = (rows[key].replace(" ", "|") for key in ("rulers", "chapters"))
        self._ruler = re.compile(rf"\b(?P<name>{rulers})(?P<of>s?) (?P<numeral>[IVX]+)\b(?:\.(?!$))?")
        self._chapter = re.compile(rf"(?i:\b({chapters})) ([IVX]+)\b")

    def __call__(self, text: MappedText) -> MappedText:
        words = self._words
        text = text.sub(self._ruler, self._ruled).sub(
            self._chapter, lambda match: f"{match[1]} {_ROMAN.get(match[2], match[2])}"
        )
        if words.code in _ROMAN_ORDINAL:
            text = text.sub(_ROMAN_ORDINAL[words.code], lambda match: str(_ROMAN.get(match[0], match[0])))
        text = text.sub(words.number_sign, f"{words.number} ").sub(_ABOUT, f"{words.about} ")
        text = text.sub(_ZONE, lambda match: f"{match[1] or ''} UTC")
        text = text.sub(_ISO, self._date).sub(_DAY, self._date).sub(self._dated, self._date)
        text = text.sub(words.short_date, self._date)
        text = text.sub(_SPANS, lambda match: f"{match[1]} {words.to} ")
        text = text.sub(_CLOCK, self._time).sub(_UHR if words.code == "de" else _HOURS, self._time)
        text = text.sub(_RATIO, lambda match: f"{match[1]} {words.ratio} {match[2]}")
        text = text.sub(words.ordinal_sign, self._ordinal)
        text = text.sub(_RANGE, self._range).sub(_BY, self._by)
        text = text.sub(_SIGN, lambda match: f"{words.signs[match['sign']]} ")
        text = text.sub(self._before, self._money).sub(self._after, self._money)
        text = text.sub(self._units, self._unit)
        text = text.sub(_RATE, lambda match: f" {words.per} {words.units[match[1]][0]}")
        return text.sub(_FRACTION, self._fraction).sub(_COUNTED, self._counted)

    # --- numbers -----------------------------------------------------------------------------------------------------

    def _number(self, written: str, noun: str = "") -> str:
        """Returns a number in words, as it is before `noun`."""
        words = self._words
        written = re.sub(_GAP, "", written)
        if re.fullmatch(r"\d{1,3}(?:(?:,\d{3})+\.\d+|(?:,\d{3}){2,})", written):  # as in English
            written = written.replace(",", "").replace(".", ",")
        groups = written.partition(",")[0].split(".")
        grouped = all(len(group) == 3 for group in groups[1:]) and len(groups[0]) <= 3 and groups[0][:1] != "0"
        address = len(groups) == 4 and all(group == str(int(group)) and int(group) < 256 for group in groups)
        if words.code != "fr" and len(groups) > 1 and grouped and not address:
            written = written.replace(".", "")
        if "." in written:
            *most, last = written.split(".")
            return f" {words.point} ".join([*map(self._whole, most), self._places(last)])
        whole, _, places = written.partition(",")
        if places:
            return f"{self._whole(whole)} {words.comma} {self._places(places, each=words.code == 'de')}"
        return words.agreed(self._whole(whole), int(whole), noun) if noun and whole[:1] != "0" else self._whole(whole)

    def _whole(self, digits: str) -> str:
        if len(digits) > _MAX_NUMBER_DIGITS or (len(digits) > 1 and digits[0] == "0"):
            return self._digits(digits)
        return self._count(int(digits), "cardinal")

    def _digits(self, digits: str) -> str:
        return " ".join(self._count(int(digit), "cardinal") for digit in digits)

    def _places(self, digits: str, *, each: bool = False) -> str:
        """Returns digits after a comma or point: zeros one by one, a short rest as a number."""
        rest = digits.lstrip("0")
        if each or len(rest) > 3 or not rest:
            return self._digits(digits)
        return " ".join([*(self._whole("0") for _ in digits[: len(digits) - len(rest)]), self._whole(rest)])

    def _counted(self, match: re.Match[str]) -> str:
        noun = match["noun"] or ""
        before = match.string[max(0, match.start() - 16) : match.start()]
        labelled = LABEL.search(before) is not None
        if self._words.code == "de" and _YEAR.fullmatch(match["number"]):
            counts = labelled or noun[:1].isupper() or noun == "mal" or _NO_YEAR_BEFORE.search(before)
            if not counts or _YEAR_BEFORE.search(before):
                return self._count(int(match["number"]), "year")
        spoken = self._number(match["number"], "" if labelled or noun in NOT_NOUNS else noun)
        return " " * (match["letter"] is not None) + spoken + " " * bool(match["after"])

    # --- time --------------------------------------------------------------------------------------------------------

    def _date(self, match: re.Match[str]) -> str:
        words, named = self._words, match.groupdict()
        month, year = match["month"], named.get("year")
        if month.isdecimal():
            if not (0 < int(month) < 13 and 0 < int(match["day"]) < 32):
                return match[0]
            month = self._months[int(month) - 1]
        day = int(match["day"])
        if named.get("mark") is None and month == match["month"] and words.code == "de":
            return match[0]
        spoken = self._day(day, match)
        if year:
            year = self._count(int(year) if len(year) == 4 else 2000 + int(year), "year")
        date = (named.get("before") or "") + words.date.format(spoken, month)
        date += words.of_year.format(year) if year else ""
        return date + ", " if match[0].endswith(("T", " ")) else date

    def _day(self, day: int, match: re.Match[str]) -> str:
        kind = self._words.code
        if kind == "de":
            ending = _german_ending(match.string[: match.start()])
            return self._count(day, "ordinal") + ("r" if ending is None else ending)
        first = day == 1 and (kind in ("fr", "pt") or match.groupdict().get("mark") is not None)
        return self._count(day, "ordinal" if first else "cardinal")

    def _time(self, match: re.Match[str]) -> str:
        words = self._words
        hour, minute, second = int(match["hour"]), int(match["minute"] or 0), match["second"]
        before = match.string[max(0, match.start() - 24) : match.start()]
        if _RATIO_BEFORE.search(before) and not match.groupdict().get("unit"):
            return match[0]
        name = words.hour[hour > 1 or (hour == 0 and words.code == "es")]
        hours = words.agreed(self._count(hour, "cardinal"), hour, name)
        spoken = hours if words.code == "es" and hour == 1 and ":" in match[0] else f"{hours} {name}"
        if minute:
            template = words.time if ":" in match[0] and hour != 20 else words.duration  # not vinte e cinco
            minutes = self._number(str(minute), "minute" if words.code == "fr" else "")
            spoken = template.format(hours, name, minutes)
        return spoken + words.seconds.format(self._number(str(int(second)), "")) if second else spoken

    # --- ordinals, money, units --------------------------------------------------------------------------------------

    def _ordinal(self, match: re.Match[str]) -> str:
        number, mark = int(match["number"]), match["mark"]
        spoken, kind = self._count(number, "ordinal"), self._words.code
        if kind == "de":
            ending = _german_ending(match.string[: match.start()])
            return match[0] if ending is None else spoken + ending
        if kind == "fr":
            if mark.startswith("nd"):
                spoken = "seconde" if "de" in mark else "second"
            elif number == 1:
                spoken = "première" if mark.rstrip("s") in ("re", "ère") else "premier"
            return spoken + "s" * mark.endswith("s")
        if mark.endswith(("ª", "a")):
            return " ".join(re.sub("o$", "a", word) for word in spoken.split())
        noun = re.match(r"\s+([^\W\d_]+)", match.string[match.end() :])
        if kind == "es" and (mark == "er" or (noun is not None and noun[1] not in NOT_NOUNS)):
            return re.sub("(primer|tercer)o$", r"\1", spoken)
        return spoken

    def _ruled(self, match: re.Match[str]) -> str:
        """Returns a ruler's name with his number: Karl der fünfte, Felipe segundo, Alfonso trece."""
        name, number, kind = match["name"] + match["of"], _ROMAN.get(match["numeral"]), self._words.code
        if number is None:
            return match[0]
        spoken = self._count(number, "ordinal" if kind == "de" or number <= 10 else "cardinal")
        if kind != "de":
            return f"{name} " + (re.sub("o$", "a", spoken) if name.endswith(("a", "bel")) and number <= 10 else spoken)
        of = "des" if match["of"] else "dem" if _OF.search(match.string[: match.start()]) else "der"
        return f"{name} {of} {spoken}{'n' if of != 'der' else ''}"

    def _money(self, match: re.Match[str]) -> str:
        words = self._words
        singular, plural, *coins = words.money[match["sign"]]
        per = self._per(match)
        if match["scale"]:
            scale = self._scales[match["scale"]][not self._single(match["number"])]
            return f"{self._number(match['number'], scale)} {scale} {self._of_millions(plural)}{per}"
        written = re.sub(_GAP, "", match["number"])
        if re.fullmatch(r"0\.\d+|\d+\.\d\d?|\d{1,3}(,\d{3})+\.\d\d", written):  # as in English, $5.50
            written = written.replace(",", "").replace(".", ",")
        whole, _, places = written.partition(",")
        if places and (len(places) != 2 or not coins):
            return f"{self._number(written)} {singular if self._single(written) else plural}{per}"
        value, part = int(whole.replace(".", "") or 0), int(places or 0)
        name = singular if value == 1 or (value == 0 and words.code == "fr") else plural
        if value and value % 10**6 == 0:
            name = self._of_millions(name)
        amount = f"{self._number(str(value), name)} {name}"
        if not part:
            return amount + per
        small = coins[part != 1]
        spoken = self._number(str(part), small)
        return (f"{spoken} {small}" if not value else words.amount.format(amount, spoken, small)) + per

    def _of_millions(self, money: str) -> str:
        of = "d'{}" if money[0] in "aeiou" and self._words.code == "fr" else self._words.of_millions
        return of.format(money)

    def _unit(self, match: re.Match[str]) -> str:
        words, written, unit = self._words, match["number"], match["unit"]
        if unit == "m" and re.match(r"\d+s\b", match.string[match.end() :]):
            unit = "min"
        singular, plural = self._all_units[unit]
        name = singular if self._single(written) else plural
        if words.code == "de" and name == "mal" and written.isdecimal():
            return self._number(written).removesuffix("s" if written == "1" else "") + name  # dreimal
        follows = match.string[match.end() : match.end() + 1]
        noun = "" if name.split()[0] in NOT_NOUNS else name
        return f"{self._number(written, noun)} {name}{self._per(match)}" + " " * follows.isalnum()

    def _single(self, written: str) -> bool:
        """Returns whether what a number counts is in the singular: in French and Portuguese everything below two is."""
        if self._words.code not in ("fr", "pt"):
            return written == "1"
        return written.partition(",")[0] in ("0", "1") and "." not in written

    def _per(self, match: re.Match[str]) -> str:
        per = match["per"]
        return f" {self._words.per} {self._words.units.get(per, (per,))[0]}" if per else ""

    # --- between two numbers -----------------------------------------------------------------------------------------

    def _range(self, match: re.Match[str]) -> str:
        following = re.match(_PLAIN, match.string[match.end() :])
        end = following[0] if following else ""
        goes_on = match.string[match.end() + len(end) :][:1] == "-"
        if "." in end + match[1] or goes_on or _value(match[1]) >= _value(end):
            return match[0]
        return f"{match[1]}{match[2] or ''} {self._words.to} "

    def _by(self, match: re.Match[str]) -> str:
        large = match[1].isdecimal() and len(match[1]) > 2
        return f"{match[1]} {self._words.by if large else self._words.times} "

    def _fraction(self, match: re.Match[str]) -> str:
        if spoken := self._words.fractions.get(match[0]):
            return spoken
        return f"{match[1]} {self._words.over} {match[2]}".replace("  ", " ")


def _alternatives(signs: Iterable[str]) -> str:
    return "|".join(re.escape(sign) for sign in sorted(signs, key=len, reverse=True))


def _value(written: str) -> float:
    return float(written.replace(",", ".")) if written.count(".") == 0 else 0.0


# What an ordinal adds to its e after these words: am dritten, der dritte, ein dritter.
_GERMAN_ENDINGS = (
    (r"(?:am|vom|zum|beim|im|den|dem|des|zur|ab|bis|seit|(?:ein|kein|jed|dies)e[nmr]|"
     r"(?:in|auf|bei|mit|nach|von|zu|aus|an|vor|ab|unter|hinter|über|neben) der)", "n"),
    (r"(?:der|die|das|ins|(?:jed|dies)e[rs]?|(?:ein|kein|mein|dein|unser|ihr)e)", ""),
    (r"(?:ein|kein|mein|dein|unser|ihr)", "r"),
)  # fmt: skip


def _german_ending(before: str) -> str | None:
    """Returns the ending of a German ordinal after these words; None where a number with a point is not an ordinal."""
    return next((end for words, end in _GERMAN_ENDINGS if re.search(rf"\b{words}\s+\Z", before, re.IGNORECASE)), None)


@cache
def numbers(language: str) -> Numbers | None:
    """Returns the reader for numbers of a language, by its tag; None without a table for it, or without num2words."""
    tag = language.lower().replace("_", "-")
    words = _TABLES.get(tag.split("-")[0])
    if words is None:
        return None
    try:
        from num2words import num2words
    except ImportError:
        return None
    counter = _COUNTERS.get("-".join(tag.split("-")[:2])) or _COUNTERS[tag.split("-")[0]]
    say: Any = num2words

    def count(number: int, kind: str) -> str:
        if kind == "year" and not (words.code == "de" and 1100 <= number < 2000):
            kind = "cardinal"
        spoken = str(say(number, lang=counter, to=kind)).replace(",", "")
        for wrong, right in words.mends:
            spoken = spoken.replace(wrong, right)
        return spoken

    return Numbers(words, count)
