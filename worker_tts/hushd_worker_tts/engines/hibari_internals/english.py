"""Rewrites English text that hibari 0.2.1 would misread.

Its own normaliser knows times, dates, years, money, units, titles, usual abbreviations, Roman numerals of kings and
chapters, phone numbers without an area code, and fractions.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache

_UNITS = {
    "m": "meter", "g": "gram", "l": "liter", "L": "liter", "h": "hour", "s": "second", "km²": "square kilometer",
    "m²": "square meter", "m2": "square meter", "cm²": "square centimeter", "m³": "cubic meter", "V": "volt",
    "W": "watt", "Wh": "watt hour", "dB": "decibel", "Pa": "pascal", "ha": "hectare",
    "µs": "microsecond", "ns": "nanosecond", "dl": "deciliter", "cl": "centiliter", "TWh": "terawatt hour",
    "GiB": "gibibyte", "MiB": "mebibyte", "KiB": "kibibyte", "kbps": "kilobit per second", "rpm": "turn per minute",
}  # fmt: skip
_PER = {
    "s": "second", "sec": "second", "min": "minute", "h": "hour", "hr": "hour", "hour": "hour", "day": "day",
    "week": "week", "wk": "week", "month": "month", "mo": "month", "year": "year", "yr": "year", "person": "person",
    "kg": "kilogram", "lb": "pound", "gal": "gallon", "l": "liter", "km": "kilometer", "mi": "mile",
    "user": "user", "night": "night",
}  # fmt: skip
_DATA = {"B": "bytes", "KB": "kilobytes", "kB": "kilobytes", "MB": "megabytes", "GB": "gigabytes", "TB": "terabytes",
         "m": "meters", "km": "kilometers", "Mb": "megabits", "Gb": "gigabits"}  # fmt: skip
_DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday",
    "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi",
    "χ": "chi", "ψ": "psi", "ω": "omega", "Δ": "delta", "Σ": "sigma", "Ω": "omega",
}  # fmt: skip
# Currencies that hibari skips; it reads ₹ and ¥ only before the number.
_CURRENCIES = {
    "US$": "U.S. dollars", "A$": "Australian dollars", "AU$": "Australian dollars", "C$": "Canadian dollars",
    "CA$": "Canadian dollars", "HK$": "Hong Kong dollars", "NZ$": "New Zealand dollars", "S$": "Singapore dollars",
    "R$": "reais", "₩": "won", "₽": "rubles", "₺": "lira", "₪": "shekels", "₫": "dong", "฿": "baht", "₱": "pesos",
    "₴": "hryvnias", "₦": "naira", "₿": "bitcoin", "CHF": "francs", "zł": "zloty", "Kč": "koruna",
}  # fmt: skip
_BIG = {"bn": "billion", "mn": "million", "tn": "trillion", "m": "million", "k": "thousand"}
_SIGNS = "|".join(map(re.escape, _CURRENCIES))
_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_ORDINAL = r"\d{1,3}(?:st|nd|rd|th)"
_FRACTIONS = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
# A single digit after a word is a footnote's mark; hibari reads ² and ³ itself.
_EXPONENT = r"(?<=[\w)])⁻([⁰¹²³⁴-⁹]+)|(?:(?<=\d)|(?<=\b[A-Za-z]))([⁴-⁹]|[⁰¹²³⁴-⁹]{2,})"
_CLOCK = r"\d{1,2}(?::\d{2})?"
_AM = r"[ap](?:m|\.m\.)"
_SHOUTED = (  # words that are spelled in capitals, since no name is one of them
    "AND|ARE|BEEN|BUT|CAN|FOR|FROM|HAD|HAS|HAVE|HER|HIS|HOW|ITS|NOT|THAT|THE|THEIR|THEM|THESE|THEY|THIS|THOSE|WAS|WERE|WHAT|"
    "WHEN|WHERE|WHICH|WHY|WILL|WITH|YOU|YOUR"
)
# 5 m, but not 5m: see the last four.
_units = sorted(_UNITS, key=lambda unit: (unit not in "mgls", len(unit)), reverse=True)
_day = "|".join(_DAYS)


def _plural(number: str, unit: str) -> str:
    first, _, rest = unit.partition(" per ")
    plural = first if number == "1" else f"{first}s" if first[-1] not in "sz" else first
    return f"{plural} per {rest}" if rest else plural


def _digits(text: str) -> str:
    return " ".join(text)


def _day_of(match: re.Match[str]) -> str:
    """Reads `March 3-5` as the third to the fifth."""
    month, first, last = match.groups()
    ending = "th" if 10 < int(last) < 14 else {"1": "st", "2": "nd", "3": "rd"}.get(last[-1], "th")
    return f"{month} {first} to {last}{ending}"


def _duration(match: re.Match[str]) -> str:
    """Reads 1h30m and 1m 5.2s; 5m alone is something else."""
    units = ("hour", "minute", "second")
    parts = [f"{number} {_plural(number, unit)}" for number, unit in zip(match.groups(), units, strict=True) if number]
    return " ".join(parts) if len(parts) > 1 else match[0]


def _power(match: re.Match[str]) -> str:
    digits = unicodedata.normalize("NFKC", match[1] or match[2])
    return f" to the power of {'minus ' if match[1] else ''}{digits}"


# Matches everything that a rule may rewrite. Compiling the rules themselves takes 10 ms of a cold start.
_DOUBTFUL = re.compile(
    rf"[0-9€£$₂⁻{_FRACTIONS}{''.join(_GREEK)}]|\b(?:e\.g|i\.e|etc|Dr)\.|\b(?:{_day})\.?\s?[-–]|[A-Z]{{3}}|[A-F]-(?!\w)"
)


@cache
def _rules() -> list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]]:
    return [
        # money: ₩5000, 20 €, -$5, £1bn, $5/month, $5-$10, $1-2 million
        (re.compile(rf"(?<!\w)({_SIGNS})\s?({_NUMBER})(?:\s?({'|'.join(_BIG)})\b|( [mbt]r?illion\b))?"),
         lambda m: f"{m[2]}{f' {_BIG[m[3]]}' if m[3] else m[4] or ''} {_CURRENCIES[m[1]]}"),
        (re.compile(rf"(?<![\w.])({_NUMBER})\s?({_SIGNS})(?![\w$])"), lambda m: f"{m[1]} {_CURRENCIES[m[2]]}"),
        (re.compile(rf"(?<![\w.])({_NUMBER})\s?([€£$¥₹])(?![\w\d])"), r"\2\1"),
        (re.compile(r"~(?=[$£€¥₹]\d)"), "about "),
        (re.compile(r"(?<!\w)[-−](?=[$£€]\d)"), "minus "),
        (re.compile(rf"([$£€])({_NUMBER})\s?[-–]\s?(?=\d)"), r"\2 to \1"),
        (re.compile(rf"([$£€])({_NUMBER})\s?(bn|mn|tn)\b"), lambda m: f"{m[1]}{m[2]} {_BIG[m[3]]}"),
        (re.compile(rf"([$£€]{_NUMBER}[kKmMbB]?)\s?[-–]\s?(?=[$£€]\d)"), r"\1 to "),
        (re.compile(rf"([$£€]{_NUMBER}[kKmMbB]?)\s?/\s?({'|'.join(_PER)})\b"), lambda m: f"{m[1]} per {_PER[m[2]]}"),
        # addresses and versions: each number separately
        (re.compile(r"(?<![\w.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?![\w])(?!\.\d)"),
         lambda m: " dot ".join(_digits(part) if len(part) == 3 else part for part in m.groups())),
        (re.compile(r"(?<![\w.])v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?![\w])"), r"\1 point \2 point \3"),
        (re.compile(r"\bv(?=\d)"), "version "),
        (re.compile(r"(\b\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z?)\b"),
         lambda m: f"{m[1]}, {m[2]}{' UTC' if m[3] else ''}"),
        (re.compile(rf"\b(1?\d)\.([0-5]\d)(?=\s?{_AM})", re.IGNORECASE), r"\1:\2"),
        (re.compile(r"(?<![\d.,])(?<!\d )\d{1,3}(?:[ \u00a0\u202f\u2009]\d{3})+(?! ?\d)"),
         lambda m: re.sub(r"\s", ",", m[0])),
        (re.compile(r"(?<![^\s(=])(?<!\d )–(?=\d)"), "minus "),
        # ranges that hibari does not read: at the end of a sentence, of times, of days, of percentages
        (re.compile(rf"\b({_MONTH}) (\d{{1,2}})\s?[-–]\s?(\d{{1,2}})(?![\w-])"), _day_of),
        (re.compile(rf"\b({_ORDINAL})\s?[-–]\s?(?={_ORDINAL}\b)"), r"\1 to "),
        (re.compile(r"\b(\d{1,2}:\d{2})\s?[-–]\s?(?=\d{1,2}:\d{2}\b)"), r"\1 to "),
        (re.compile(r"(?<![\w.\-/])(\d{1,4}\s?%?)\s?[-–]\s?(\d{1,4})(?=\s?%|[.](?!\d))(?![\w-])"), r"\1 to \2"),
        (re.compile(rf"\b({_CLOCK})\s?({_AM})?\s?[-–]\s?({_CLOCK}\s?{_AM})(?!\w)", re.IGNORECASE),
         lambda m: f"{m[1]}{' ' + m[2] if m[2] else ''} to {m[3]}"),
        (re.compile(rf"\b({_day})\.?\s?[-–]\s?({_day})\b\.?"), lambda m: f"{_DAYS[m[1]]} to {_DAYS[m[2]]}"),
        # fractions and lengths
        (re.compile(r"(?<![\d/.])(\d+) (?=[1-9]/[1-9]\d?(?![\d/]))"), r"\1 and "),
        (re.compile(rf"(?<!\d)(\d+) ?(?=[{_FRACTIONS}])"), r"\1 and "),
        (re.compile(f"[{_FRACTIONS}]"), lambda m: unicodedata.normalize("NFKC", m[0]).replace("⁄", "/")),
        (re.compile(r"\b24/7\b"), "twenty-four seven"),
        (re.compile(r"(?<![\w'])(\d{1,2})'\s?(\d{1,2})(?:\"|''|”)(?!\w)"), r"\1 foot \2"),
        (re.compile(r"(?<=\d) in\.(?=\s|$)"), " inches"),
        (re.compile(r"(?<=\d) ft\. (?=\d)"), " feet "),
        (re.compile(r"(?<=\d)(?<!\b0)\s?x\s?(?=\d)"), " by "),
        (re.compile(r"(?<=[a-z])\s+x\s+(?=\d)"), " by "),
        (re.compile(r"(?<![\w.])(?:(\d+)h ?)?(\d{1,2})m(?: ?(\d{1,2}(?:\.\d+)?)s)?\b"), _duration),
        # units
        (re.compile(rf"(?<![\w.$£€])({_NUMBER})\s?({'|'.join(_DATA)})/({'|'.join(_PER)})\b"),
         lambda m: f"{m[1]} {_DATA[m[2]]} per {_PER[m[3]]}"),
        (re.compile(rf"(?<![\w.$£€:/-])({_NUMBER})(?: ({'|'.join(_units)})|({'|'.join(_units[:-4])}))(?![\w'’/])"),
         lambda m: f"{m[1]} {_plural(m[1], _UNITS[m[2] or m[3]])}"),
        # numbers
        (re.compile(_EXPONENT), _power),
        (re.compile(r"(?<![\w.])\.(?=\d)"), "0."),
        (re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[eE]([-+]?)(\d{1,3})(?!\w)"),
         lambda m: f"{m[1]} times 10 to the {'minus ' if m[2] == '-' else ''}{m[3]}"),
        # words
        (re.compile(rf"\b(?:{_SHOUTED})\b"), lambda m: m[0].lower()),
        (re.compile(r"(?<![\w-])([A-DF])-(?![\w-]| (?:and|or|to) \w+-)"), r"\1 minus"),
        (re.compile(rf"\b((?!The|My|Our)[A-Z][a-z]+|{_ORDINAL}) Dr\b\.?(?=[,;:.!?)]|\s+[^\sA-Z]|\s*$)"), r"\1 Drive"),
        (re.compile(r"\bca?\.\s?(?=\d{3,4}\b)"), "circa "),
        (re.compile(r"\bCO[2₂](?!\w)"), "C O 2"),
        (re.compile(r"\betc\.(?=[,;)])"), "et cetera"),
        (re.compile(r"\be\.g\.,?"), "for example,"),
        (re.compile(r"\bi\.e\.,?"), "that is,"),
        (re.compile(f"[{''.join(_GREEK)}](?![^\\W\\d_])"), lambda m: f" {_GREEK[m[0]]} "),
    ]  # fmt: skip


_FIRST_ZERO = re.compile(r"(?<![\w.,$£€])0\d+")
_LAST_ZERO = re.compile(r"(?<![\w.,$£€])(\d+(?:,\d{3})*)\.(\d*0)(?!\.?\d)")
_MINUS = re.compile(r"(?<![\w.)\]%-])-(?=\.?\d)")


def counted(text: str) -> str:
    """Returns what hibari has normalised with what it would not read: the minus of -5, the zeros of 0042 and 3.10."""
    text = _FIRST_ZERO.sub(lambda match: _digits(match[0]), _MINUS.sub("minus ", text))
    return _LAST_ZERO.sub(lambda match: f"{match[1]} point {_digits(match[2])}", text)


def readable(text: str) -> str:
    """Returns `text` with everything rewritten that hibari misreads."""
    if not _DOUBTFUL.search(text):
        return text
    for pattern, replacement in _rules():
        text = pattern.sub(replacement, text)
    return text
