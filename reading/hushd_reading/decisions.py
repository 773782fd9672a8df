"""Decides which class a shape is, by what stands beside it: each function returns a class, or nothing for none.

It may add parts: of `3/4` as a date the day and the month.
"""

from __future__ import annotations

import re

from . import names
from .near import Near, Parts


def _valid(day: str, month: str) -> bool:
    return 0 < int(month) <= 12 and 0 < int(day) <= 31


def date(parts: Parts, near: Near) -> str:
    """Decides on three numbers with signs between: a date, whose order is the language's, or none."""
    first, second, third = parts["one"], parts["two"], parts["three"]
    if near.cued("version", "label") and parts["by"] == ".":
        parts["number"] = ".".join((first, second, third))
        return "version"
    short = parts["by"] == "." and len(third) == 2  # dpkg 1.17.11
    if len(first) == 4:
        order = "ymd"
    elif len(third) not in (2, 4) or len(first) > 2 or (short and near.language.code == "en"):
        return ""
    else:
        order = near.language["date.order"] if parts["by"] != "." or near.language["date.order"] != "ymd" else "dmy"
        if order == "mdy" and int(first) > 12:
            order = "dmy"
        elif order == "dmy" and int(second) > 12:
            order = "mdy"
    read = dict(zip(order, (first, second, third), strict=True))
    release = short and (not near.language.get("date.dotted") or re.search(r"\w \Z", near.text[: near.start]))
    if not _valid(read["d"], read["m"]) or len(read["m"]) > 2 or (release and not near.cued("date")):
        return ""
    parts.update(day=read["d"], month=read["m"], year=read["y"])
    return "date"


def day_month(parts: Parts, near: Near) -> str:
    """Decides on `3.10.`, in languages that write so: no date behind a word for a part, or at a sentence's end."""
    if not _valid(parts["day"], parts["month"]) or near.cued("version", "label"):
        return ""
    return "date" if near.after.strip() or near.cued("date") or near.before[-1:] in "-–" else ""


def slash(parts: Parts, near: Near) -> str:
    """Decides on `3/4`: a fixed phrase, a season, a date, a fraction, a tally, or one over the other."""
    first, second = parts["first"], parts["second"]
    part, whole = int(first), int(second)
    if near.language.get("said", {}).get(f"{first}/{second}"):
        return "said"
    if len(first) == 4 and len(second) > 1 and 1000 < part < 2100 and not (part < 1500 < whole):  # no RD 1234/2020
        return "season"
    day, month = (first, second) if near.language["date.order"] != "mdy" else (second, first)
    parted = near.follows("of") or re.match(rf"\s?{OF_FRACTION}", near.after)  # 1/3 of, 1/3 des, 1/2 h
    dated = _valid(day, month) and max(len(first), len(second)) <= 2 and not parted
    timed = near.follows("date_after") and re.match(r"(?: [^\W\d_]+){1,2} \d", near.after)
    if dated and (near.cued("date") or timed) and not near.follows("counted"):
        parts.update(day=day, month=month)
        return "date"
    case = re.search(r"\b[A-Z]\w?[A-Z]+ \Z", near.text[: near.start])  # 3 StR 45/20, WS 24/25
    law = len(second) == 2 and ((near.cued("label") and part > 31) or (case and part > 12))  # n. 104/92
    if law or (len(second) == 4 and 1800 < whole < 2100 and part > 1):  # an issue: 43/1995
        return "of_year" if near.language.get("number.of_year") else "season"
    if near.cued("tally") or near.follows("counted") or near.before[-1:] in ("(", "["):
        return "tally"
    if any(side[0] == "0" != side for side in (first, second)):  # issue 45/01
        return "season"
    if near.language.get("date.slashed") and dated and part > 12 and len(second) == 2:
        parts.update(day=day, month=month)
        return "date"
    common = whole in _DENOMINATORS and (parted or whole % 10 or (whole in (100, 1000) and part < whole // 10))
    joined = "mark" in parts or re.match(r"-[^\W\d_]", near.after)  # 4/4-Takt
    if part > whole and (whole > 12 or not (parted or joined)):  # 120/80 mmHg
        return "over"
    if parted or joined or (0 < part < whole and (part == 1 or common)):
        return "fraction"
    counted = re.match(r" [^\W\d_]{4}", near.after) and not near.cued("label")  # 23/28 patients
    return "tally" if part in (0, whole) or whole in _POINTS or len(second) == 4 or counted else "season"


OF_FRACTION = r"(?:[kcm]?m[²³]?|[km]?g|[kMG]Wh?|[MGT][Bo]|cl|ml|[lL]|h|min)(?![\w'’])"  # units behind 3/4
_AND = "(?:and|or|und|oder|et|ou|y|o|e|&)"
_POINTS = (10, 20, 50, 100, 1000)  # what marks are given out of
_ARTICLES = "al ao da dal del do el il l la las le les lo los na nel no o os sul un um una uma"
_DENOMINATORS = {*range(2, 13), 15, 16, 20, 25, 30, 32, 40, 50, 60, 64, 80, 100, 1000}


def colon(parts: Parts, near: Near) -> str:
    """Decides on `3:10`: a time, or, beside a word of games, a score; two other numbers are a ratio."""
    if near.cued("ratio") or near.follows("ratio"):
        return "ratio"
    minute = parts["minute"]
    if near.cued("score") and len(minute) < 2:
        return "ratio"
    if len(minute) == 2 and int(minute) < 60 and int(parts["hour"]) <= 24:
        clock = len(parts["hour"]) > 1 or "second" not in parts or "noon" in parts or near.cued("date", "hour")
        if not clock:  # a marathon in 2:01:09
            parts.update(hours=parts["hour"], minutes=minute, seconds=parts["second"])
        return "time" if clock else "duration"
    return "ratio"


def verse(parts: Parts, near: Near) -> str:
    """Decides on `5,3` and `13:4-7`: a verse behind a book, and several behind a name, in languages that write so."""
    named = near.language.get("number.verse") and re.search(r"\b[A-Z][a-z]{2,12} \Z", near.text[: near.start])
    several = named and "until" in parts and ":" in near.text[near.start : near.end]
    return "verse" if several or (near.cued("book") and near.before[-1:] != ",") else ""


def ratio(parts: Parts, near: Near) -> str:
    """Decides on two numbers that are not a time: behind a name a verse, in languages that write it so."""
    if near.after.lstrip().startswith("="):
        return "over"
    named = near.language.get("number.verse") and re.search(r"(?:\A|[\w–—-] )[A-Z]\w+ \Z", near.text[: near.start])
    return "verse" if named and not near.cued("score", "ratio") else "ratio"


def ordinal(parts: Parts, near: Near) -> str:
    """Decides on a number with a full stop, which in some languages is an ordinal, by the words beside it."""
    bare = near.word_before() not in _ARTICLES.split()
    if "°" in parts["mark"] and bare:
        noun = near.language.code == "it" and names.noun_after(near)
        ranks = not near.before or noun, noun and not near.before
        if parts["number"] != "1" and not ranks[len(parts["number"]) > 2 or int(parts["number"]) > 20]:
            return ""  # degrees
    counts = re.match(r"\s?(?:de |[CFNSWEO]\b|[.,;:)]|\Z)", near.after) is None
    if parts["mark"] == "º" and int(parts["number"]) > 12 and bare and near.before and not counts:
        return ""  # 38º de fiebre
    decide = near.language.function("is_ordinal")
    return "ordinal" if decide is None or decide(parts, near) else ""


def span(parts: Parts, near: Near) -> str:
    """Decides on `3-5`: a range that ascends, a score beside a word of games, or a telephone's or another's digits."""
    first, last = _value(parts["number"]), _value(parts["until"])
    if first >= last and near.language.get("said", {}).get(f"{parts['number']}/{parts['until']}"):
        parts.update(first=parts["number"], second=parts["until"])  # 50-50
        return "said"
    if near.cued("score") and max(first, last) < 200:
        return "ratio"
    spaced = " - " in near.text[near.start : near.end]
    if re.match(r"[-–](?:\d|[A-Z]{2})", near.after) or (near.word_before() == "boeing" and first > 99):
        return ""
    if "–" not in near.text[near.start : near.end] and (
        re.match(r"\s*[=≈+]", near.after) or (near.before[-1:] in ("=", "+") and first >= last)
    ):
        return "difference"
    if (
        first < last
        or _YEARS.fullmatch(near.text, near.start, near.end)
        or near.cued("range")
        or _BEFORE_CHRIST.match(near.after)
    ):
        return "range"
    short = len(parts["number"]) == 4 and len(parts["until"]) == 2  # 1998-99
    if short and re.fullmatch(r"\d{4}-0[1-9]", near.text[near.start : near.end]) and last <= first % 100:
        parts.update(year=parts["number"], month=parts["until"])  # 2003-03
        del parts["until"]
        return "date"
    if short or spaced:
        return "season" if short else "difference"
    numbered = near.cued("label") or re.search(r"(?:\b[nN][°ºo]|[№#])\s?\Z", near.text[: near.start])
    return "dashed" if numbered or first >= 1000 else "ratio"  # an account: 12345-6, a law: n° 78-17


_YEARS = re.compile(r"(?:1[1-9]\d\d|20\d\d)[-–](?:1[1-9]\d\d|20\d\d)")
_RELEASE = re.compile(r"\.(?:\d{1,2}|\d{4,})\.|\.\d+\.(?!\d{3}(?!\d))\d")  # 192.168.0, 2.6.1
_BEFORE_CHRIST = re.compile(r"\s?(?:Jhd?\. )?(?:v\. ?(?:Chr|u)\.|BCE?\b|[bB]\. ?[cC]\.|[aA]\. ?(?:de )?[CJ]\.|av\. ?J)")


def _value(written: str) -> float:
    return float(re.sub(r"[^\d.]", "", written.replace(",", ".")) or 0) if len(re.findall("[.,]", written)) < 2 else 0.0


def unit(parts: Parts, near: Near) -> str:
    """Decides on a number with a unit: a unit that is a word as well, such as `in`, only where no word follows."""
    unit = parts.get("unit", "")
    if "/" in unit and unit not in names.unit_signs(near.language):
        unit, *pers = *unit.split("/"), *filter(None, [parts.get("per")])  # mg/kg/day
        parts["per"] = "/".join(pers)
    unit = parts["unit"] = names.unit_sign(unit, near.language)
    if unit not in names.unit_signs(near.language) or _RELEASE.search(parts["number"]):
        return ""
    joined = near.text[near.end - 2].isdecimal()
    if unit == '"' and (not joined or re.search(r'(?<!\d)"', re.sub(r'(?<!\d)"[^"]*"', "", near.text[: near.start]))):
        return ""
    if unit == "s" and parts["number"] in "01" and re.search(rf"\b[01]s,? {_AND} [01]s\b", near.text):
        return ""  # zeros and ones
    if unit == "x" and re.search(r"x ?[-+=*/^²³)]|[-+=*/(] ?\d*x", near.text):
        return ""
    label = near.cued("label") or near.before[-1:] == "#" or re.match(r"-\d", near.after)  # 5W-30
    if (label and re.fullmatch("[A-Z]", unit)) or (unit == "K" and joined):  # 3K
        return ""
    if unit in near.language.words("units.before_end"):
        return "measure" if re.match(r"\s*(?:[.,;:)×x*]|$)", near.after) else ""
    return "measure"


def rate(parts: Parts, near: Near) -> str:
    """Decides on `tokens/s`: what a word is per, unless it is one of several parts, as in s/foo/bar."""
    word = near.before.rsplit(" ", 1)[-1]
    return "rate" if "/" not in word and len(word.strip("(")) > 1 else ""


def halves(parts: Parts, near: Near) -> str:
    """Decides on `2½ h` and `2 1/2 tazas`: in some languages the half stands behind the noun."""
    noun = parts["noun"] not in near.language.words("not_nouns") and not near.cued("label")
    return "halves" if noun and near.language.get("fraction.behind") else ""


def version(parts: Parts, near: Near) -> str:
    number, decimals = parts["number"], near.language["number.decimal"] == "."
    address = number.count(".") == 3 and all(str(int(part)) == part and int(part) < 256 for part in number.split("."))
    address |= re.match(r"\.\w", near.after) is not None  # 1.168.192.in-addr
    if (not decimals or number.count(".") > 1) and not address and re.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3})+", number):
        return ""
    several = number.count(".") > 1
    return "version" if several or parts.get("v") or (near.cued("version", "label") and not decimals) else ""


def roman(parts: Parts, near: Near) -> str:
    """Decides on a Roman numeral: behind a ruler's name, or a word for a part of something. A letter alone is none but
    I, V and X, and these not before a surname."""
    word = near.before.rsplit(" ", 1)[-1].strip('("“«„,.')
    language, numeral = near.language, parts["roman"]
    if numeral in ("C", "D", "L", "M"):
        return ""
    if parts.get("mark", ".") != ".":
        return "ordinal" if set(numeral) <= set("IVX") else ""
    if word.removesuffix("s") in language.words("rulers") or word in language.words("rulers"):
        is_first = numeral == "I" and parts.get("mark")  # Napoleon I. Bonaparte
        return "" if _BEFORE_SURNAME.match(near.text[near.start :]) and not is_first else "ruler"
    if {word, word.lower(), word.lower().removesuffix("s")} & language.words("chapters"):
        is_pronoun = numeral == "I" and word.islower() and "i" in language.words("begins")  # the book I read
        return "" if is_pronoun and re.match("['’]| (?!of|and|or|to|in)[a-z]", near.after) else "roman"
    if first := _FIRST_OF_TWO.search(near.text[: near.start]):  # Chapters I and II
        if first[1].lower() in language.words("centuries"):
            return "century"
        parted = len(first[2]) > 1 or first[1].lower().removesuffix("s") in language.words("chapters")
        return "roman" if parted else ""
    if parts.get("mark") and set(numeral) <= set("IVX") and (len(numeral) > 1 or near.cued("date")):
        return "ordinal"
    following = near.word_after()
    if following.lower() in language.words("roman_nouns"):
        return "ordinal"
    if following.lower() in language.words("centuries") or (word.lower() in language.words("centuries")):
        return "century"
    if len(numeral) > 3:
        return "roman"
    if len(numeral) > 1 and numeral not in language.words("not_roman") and (word in language.words("roman_before")):
        return "roman"
    return ""


_BEFORE_SURNAME = re.compile(r"[IVX]\. [^\W\d_a-zß-ÿ]\w")
_FIRST_OF_TWO = re.compile(rf"\b(\w{{1,30}}) ([IVXLC]{{1,9}})\.? {_AND} ?\Z")


def abbreviation(parts: Parts, near: Near) -> str:
    """Decides on an abbreviation: a letter behind a name or an initial, as in Carlos D. Pérez, is an initial, and a
    word at the end that is one with a small letter is a name (Max)."""
    if "named" in parts:
        before = _NAME_BEFORE.search(near.text[: near.start])
        return "" if before and (before[1] or "").lower() not in near.language.words("begins") else "abbreviation"
    name = parts.get("name", "")
    ends = not near.after.strip()
    era = re.fullmatch(r"[AD]\. ?C\.", name) and not re.search(r"[\dIVXL]\Z", near.before)  # Washington D.C.
    if era or (ends and near.before[-1:].isalpha() and name.islower() and name in near.language["goes_on"]):
        return ""
    derived = name.istitle() and name.lower() in near.language["goes_on"] and name not in near.language["goes_on"]
    return "" if derived and ends and near.before else "abbreviation"


_NAME_BEFORE = re.compile(r"(?:\A|[\s(-])(?:([^\W\d_a-zß-ÿ]\w{1,60})|[^\W\d_a-zß-ÿ]\.) \Z")


def comparison(parts: Parts, near: Near) -> str:
    """Decides on `<` and `>`: signs before a number, and between two operands of which one is a number or a letter;
    else they quote, point, or enclose a name. A number without its sign says the opposite."""
    written = near.text[max(0, near.start - 60) : near.start]
    before, after = _OPERAND.search(written), _COMPARED.match(near.after)
    if after is None or (after["closed"] if parts["sign"] == "<" else _IN_BRACKETS.search(written)):
        return "nothing"
    if after["number"] and not (before and after["blank"]):
        quotes = parts["sign"] == ">" and not written.strip()
        apart = written.rstrip()[-1:] in ("", *"([&,;:") if after["blank"] else written[-1:] in ("", *' (["“„«')
        return "sign" if before or (apart and not quotes) else "nothing"
    if before is None or before[2] != after["blank"]:
        return "nothing"
    small = [side.isdecimal() or len(side) == 1 for side in (before[1], after["operand"])]
    small[1] |= bool(after["number"])
    return "sign" if all(small) or (after["blank"] and any(small)) else "nothing"


_OPERAND = re.compile(r"(\w{1,60}|[)\]°]|(?<=\w)\.)( ?)\Z")
_COMPARED = re.compile(
    r"(?P<blank> ?)(?P<operand>(?P<number>[-.$€£]{0,2}\d[^\s<>]{0,30}+(?![^\s<>]))|\w{1,60}+|[(.$€-])(?P<closed>>)?"
)
_IN_BRACKETS = re.compile(r"(?:(?<!\w)<|</)[^\W\d_][^<>]*\Z")


def minus(parts: Parts, near: Near) -> str:
    """Decides on a dash with blanks around: a minus between two operands, each a number or a letter."""
    before, after = re.search(r"(\w+|[)%°²³])\Z", near.before), re.match(r"\w++(?!['’]|\. ?\w)|\(", near.after)
    sides = [side[0] for side in (before, after) if side]
    prose = "–" in near.text[near.start : near.end] or all(map(str.isupper, sides))  # A - K L A S S E
    formula = not prose or re.search("[=^+×*]", near.text)
    return "minus" if formula and len(sides) == 2 and all(len(side) == 1 or side.isdecimal() for side in sides) else ""


def year(parts: Parts, near: Near) -> str:
    """Decides on a bare number: a year, by its size and what stands beside it, or a cardinal."""
    number = parts["number"]
    if re.fullmatch(r"\d+(?:,\d+){2,}", number) and not re.fullmatch(r"\d{1,3}(?:,\d{3})+", number):
        return "series"
    if _RELEASE.search(number):
        return "version"
    if number.isdecimal() and (
        (len(number) > 2 and near.cued("digits")) or (len(number) > 3 and near.cued("long_digits"))
    ):
        return "digits"
    if len(number) == 4 and number.isdecimal() and number[0] in "12" and not (parts.get("sign") or parts.get("scale")):
        decide = near.language.function("is_year")
        if near.cued("year") or near.follows("year_after") or (decide is not None and decide(number, near)):
            return "year"
    return "cardinal"


def named(parts: Parts, near: Near) -> str:
    """Decides on a day beside a word: a date if that is a month."""
    day = int(parts.get("day", 1))
    month = parts["month"]
    if (
        month.lower() in ("may", "mar", "march")
        and not month.istitle()
        and not ("year" in parts or near.cued("date") or not near.before)
    ):
        return ""
    return "date" if month in names.month_forms(near.language) and 0 < day < 32 else ""


def months(parts: Parts, near: Near) -> str:
    """Decides on `Oct-Dec`: from one month to another."""
    return "months" if {parts["month"], parts["until"]} <= names.month_forms(near.language).keys() else ""


def variable(parts: Parts, near: Near) -> str:
    """Decides on `$1`: a parameter in a text that has another sign of a program's, or a price."""
    return "variable" if _PROGRAM.search(near.text) else ""


_PROGRAM = re.compile(
    r"(?<!\w)\$[a-z_{(@#?*]|(?:\A|[|;&`(] ?)(?:awk|echo|printf|grep) |\b(?:esac|argv)\b|(?<=\d) fi\b"
    r"|[\[{] ?[\"']?\$\d[\"']? ?[=\]}]|[\"']\$\d[\"'] \]"
)


def money(parts: Parts, near: Near) -> str:
    parts["money"] = parts.pop("code", parts["money"])  # $20 MXN
    parts["money"] = parts["money"].upper() if parts["money"] in names.SMALL_CODES.split("|") else parts["money"]
    return "money" if parts["money"] in names.money_signs(near.language) else ""


def duration(parts: Parts, near: Near) -> str:
    """Decides on `1h30m`: two of its parts at least, since one is a number with a unit, or something else."""
    return "duration" if len(parts) > 1 else ""
