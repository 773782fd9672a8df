"""Shapes: patterns of texts that are not words, made of a language's own signs, each with its class or its decision.

Their order is that of the signs that they have of their own: a place belongs to the first shape that claims it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from . import abbreviations, decisions, names
from .language import Language, alternatives
from .near import Near, Parts

_GROUPED = r"\d{1,3}(?:[.,]\d{3})+"
VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"
_NEVER = "(?!)"
_GAP = "[ \u00a0\u202f\u2009]"
_B = r"(?<!\w)(?<!\d[.,:/'’])(?<!\w[-–])(?<!\^)(?<!\^-)(?<!::)"  # the beginning of a number
_E = r"(?!\w)(?![.,:]\d)"
_DASH = r"\s?[-–—−]\s?"
_SPACED = rf"[1-9]\d{{0,2}}(?:[\u00a0\u202f\u2009]\d{{3}})+(?!\d)|[1-9]\d?(?:{_GAP}\d{{3}})+(?!\d)"
_SPACED += rf"|[1-9]\d\d(?:{_GAP}\d{{3}})+(?!\d)(?:(?<=000)|(?=\s?(?:[%€$£¥°]|,\d|[^\W\d_]+s\b|k?[mg]\b)))"
_NUMBER = rf"(?:(?:{_SPACED}|\d+)(?:[.,]\d+|['’]\d{{3}}(?!\d))*|\.\d+)"
# A sign; a dash with a blank behind it is one where no word stands before, or of degrees.
_SIGN = (
    r"(?:(?P<sign>(?<![\w)\].?%€$£¥°-])[-−–+±])"
    rf"(?:(?<=[−+±]){_GAP}|(?<![\w)] .){_GAP}|{_GAP}(?=[\d.,]+{_GAP}?°))?(?=[\d.$€£A-Z]))?"
)
_MONEY = rf"[€$£¥₹₩₽₺₪₫฿₱₴₦₿¢]|\b[A-Z]{{1,3}}\$|\b[A-Z]{{3}}\b|zł|Kč|(?<![^\W\d_])(?:{names.SMALL_CODES})(?![^\W\d_])"
UNIT = r"(?<=[^\W\d_] )(?P<unit>k[mg]|cm|(?<=p[aeo]r |pro )[cdm]l|[kMGT]Wh|[kMG]Hz)"  # none is a word, as dl is
# The stop of an abbreviated unit, which ends no sentence; that of 5 km and 5 % does.
_STOP = r"(?:(?:(?<=[\d ][hH])|(?<=[\d ]hr)|(?<=min|se[cg]|hrs|lbs|[bt]sp)|(?<=oz|lb|ft))\.(?=\)?[,;:]|\s[a-zß-ÿ]))?"
_POWER = r"(?<=[\w)])\^(?=[({]-?\d+[)}]|[^({])[({]?(?P<exponent>-?\d+|(?<![^\W\d_]{2}\^)[^\W\d_])[)}]?(?!\w)"
LENGTHS = r"[cmk]?m|px|in|ft|[\"″]"  # 3 x 4 of these is an area, 2 x 50 mg no
_KEY = r"(?<=[^\W\d_] )%s(?=\d*[#*]?(?: [a-zß-ÿ]|[.,;]?\Z|[.,;] ))"  # press # or *67
_MONTHS = r"(?<!\w)(?P<month>[^\W\d_]{3,10})\.?\s?[-–]\s?(?P<until>[^\W\d_]{3,10})(?!\w)"
_ROMAN = r"(?=[IVXLCDM])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
# Small digits, and signs that no voice says; accents and phonemes stay.
_STRAY = "[⁰¹²³⁴-⁹₀-₉①-⓿❶-➓]+|[^\\w\\s.,;:!?'’\"“”‘„«»()\\[\\]…—–¿¡\u0300-\u036f\ue000-\ue002-]"
# Words of C behind a #, which make no hashtag.
_DIRECTIVES = "define|undef|include|ifn?def|if|elif|else|endif|pragma|error"
_ZONE = r"(?:\s?(?P<zone>UTC|GMT|CET|CEST|MEZ|MESZ|EST|EDT|PST|PDT|Z)(?!\w))?"
TELEPHONE = (
    r"\+\d{1,3}+(?:[ .()/-]{0,3}\d){7,12}|(?=(?:[ ()/-]{0,2}\d){7})\(?0\d{1,4}\)?(?:(?:[ /-]{1,2}|\.)\d{2,8}){1,4}"
    r"|\(\d\d\) ?\d{4,5}-\d{4}|\d{4}(?:[ -]\d{4}){3}|(?=(?:-?\d){7})\d+(?:-\d+){2,}"
)


class Shape(NamedTuple):
    """A pattern with the class that it is, unless its decision says another.

    Attributes:
        needs: a small pattern that a text has to have before this one is made.
    """

    kind: str
    needs: str
    pattern: str
    decide: Callable[[Parts, Near], str] | None = None


# fmt: off
@cache
def of_digits(language: Language) -> list[Shape]:
    """Returns the shapes that have digits."""
    scales = alternatives(language.get("scales", {}))
    scale, scale1 = (rf"(?:{_GAP}?(?P<{name}>{scales})(?!\w))" for name in ("scale", "scale1"))
    number, until = rf"(?P<number>{_NUMBER})", rf"(?:{scale1}?\s?(?:[%°]|{_MONEY})?{_DASH}(?P<until>{_NUMBER}))?"
    millions = alternatives({**language.get("scales", {}), **language.get("money.scales", {})})
    of_money = rf"(?:{_GAP}?(?P<scale>{millions})(?!\w))?"
    spaced = [re.escape(sign) for sign in names.unit_signs(language) if re.search(r"[ .]", sign)]
    unit = "|".join([*spaced, r"[%‰\"″°ºΩµμ]?[^\W\d_]{0,5}(?:[²³]|[23](?!\d))?(?:/[a-z]{1,3}[²³23]?)?"])
    signs, compounds = names.unit_signs(language) - language.words("units.before_end"), _NEVER
    powered = alternatives(sign for sign in signs if sign[0].isalpha())
    if language.get("units.compound"):
        compounds = alternatives(sign for sign in signs if re.fullmatch(r"[a-zµVW]|[^\W\d_]{2,5}", sign))
    per = r"(?:\s?/\s?(?P<per>[^\W\d_]+)(?!\w))?"
    return [
        *(Shape(kind, "", pattern) for kind, pattern in language.get("shapes", {}).items()),
        *_dates(language),
        Shape("verse", r"\d[,:]\s?\d",
              rf"{_B}(?P<first>\d{{1,3}})[:{language['number.decimal']}]\s?(?P<second>\d{{1,3}})(?:[-–](?P<until>\d{{1,3}}))?"
              r"(?!\w|[.,:]\d| ?[ap]\.?m)", decisions.verse),
        *_times(language),
        Shape("telephone", r"\d[\d ()/.-]{5,}\d",
              r"(?i:(?<=t[eé]l )|(?<=t[eé]l\.[ :])|(?<=t[eé]l: )|(?<=t[eé]l\.: )|(?<=t[eé]l\. : ))"
              r"(?P<number>\d[\d ]{5,}\d)(?!\w)"),
        Shape("telephone", r"\d[\d ()/.-]{5,}\d",
              rf"(?<![\w.,:/-])(?<!\d )(?!\d\d?([-/ ])\d\d?\1\d{{4}}\b)(?P<number>{TELEPHONE}"
              rf"|{language.get('telephone.form', _NEVER)})(?![\w-])(?![.,]\d)"),
        Shape("iban", "[A-Z]{2}\\d\\d ",
              r"\b(?P<country>[A-Z]{2})(?P<number>\d\d(?: [A-Z\d]{4}){3,}(?: [A-Z\d]{1,3})?)(?!\w)"),
        Shape("short_year", "['’]", r"(?<!\w)['’](?P<number>\d\d)(?!\w|['’])"),
        Shape("number_sign", "[°ºnN#№]",
              r"(?<!\w)(?:№\s?(?=\d)|[nN](?:\.?\s?[º°]s?|úm\.|um\.)\s?(?=\d|(?<=[º°] )[^\W\d_])|#(?=[A-Z]{0,2}-?\d))"),
        Shape("about", "[~≈]", r"(?<!\w)[~≈]\s?(?=[$€£]?\s?\.?\d)"),
        Shape("variable", r"\$\d", rf"(?<![\w–-])\$(?P<number>[1-9])(?![.,–-]?[\w$]|{_GAP}?(?:{millions})\b)",
              decisions.variable),
        Shape("money", _MONEY, rf"(?<!\w){_SIGN}(?P<money>{_MONEY}){_GAP}?(?P<minus>(?<!\w)(?<!\d\D)(?<!\d\s\D)[-−])?"
              rf"{number}(?:,[-–—])?{of_money}(?:{_GAP}(?P<code>{names.ISO}))?"
              rf"(?:{_DASH}(?:(?P=money){_GAP}?)?(?P<until>{_NUMBER})(?:{_GAP}?(?P<scale2>{millions})(?!\w))?)?(?!\w)(?![.,]\d){per}",
              decisions.money),
        Shape("money", _MONEY, rf"{_B}{_SIGN}{number}(?:,[-–—])?{until}{scale}?{_GAP}?(?:de )?(?P<money>{_MONEY})"
              rf"(?P<coins>\d\d)?(?!\w| [A-Z]+=){per}", decisions.money),
        Shape("ordinal", "",
              rf"{_B}(?P<number>\d{{1,3}}(?:[.,]\d{{3}})+|\d+)(?P<mark>{language.get('ordinal.mark', _NEVER)})",
              decisions.ordinal),
        Shape("decade", "", rf"(?<!\w)(?<!\d[.,:/-])['’]?(?P<number>{language.get('decade.number', _NEVER)})"
              rf"(?P<mark>{language.get('decade.mark', _NEVER)})(?!\w)"),
        Shape("compound", r"\d-[^\W\d_]",
              rf"(?<![\w.,])(?:(?P<times>\d+) ?[x×] ?)?{number}-(?P<unit>{compounds})"
              r"(?:\.(?!\s*$))?(?=-\w|\s[^\W\d_])"),
        Shape("dimension", r"\d[^\d]{0,5}[x×*X]",
              rf"{_B}(?!0[xX]){number}(?:{_GAP}?(?:[cmk]?m|in|ft|[\"″']))?{_GAP}?[x×*X]{_GAP}?(?P<until>{_NUMBER})"
              rf"(?:{_GAP}?[x×*]{_GAP}?(?P<third>{_NUMBER}))?(?:{_GAP}?(?P<unit>{LENGTHS}|[mkµ]?g|[cdm]?[lL]|[kMGT]?[BW])(?!\w))?(?!\w|[.,]\d)"),
        Shape("measure", "", rf"{_B}{_SIGN}{number}{until}{scale}?{_GAP}?(?P<unit>{unit}){_STOP}"
              rf"(?![\w'’]|\.\w){per}", decisions.unit),
        Shape("power", r"\^", _POWER),
        Shape("version", r"\d\.\d", rf"(?:{_B}|(?<=\.\d/))(?P<v>[vV])?(?P<number>\d+(?:\.\d+)+)(?!\w)(?!\.\d)",
              decisions.version),
        Shape("version", "v", rf"{_B}(?P<v>v)\.?\s?(?P<number>\d+)(?!\w|\.\d)"),
        Shape("halves", "½|1[/⁄]2",
              rf"{_B}(?P<whole>\d+)(?:{_GAP}?½|[ -]1[/⁄]2){_GAP}?(?P<noun>[^\W\d_]+)(?![\w'’/²³])",
              decisions.halves),
        Shape("fraction", f"[{VULGAR}]", rf"(?P<whole>\b\d+)?{_GAP}?(?P<vulgar>[{VULGAR}])"),
        Shape("fraction", f"[{VULGAR}]", f"(?P<vulgar>[{VULGAR}])"),
        Shape("fraction", r"\d[/⁄]\d",
              rf"{_B}(?P<whole>\d+)[ -](?P<first>[1-9]\d?)[/⁄](?P<second>[1-9]\d{{0,2}}){_E}",
              lambda parts, _: "fraction" if int(parts["first"]) < int(parts["second"]) else ""),
        Shape("fraction", r"1/\d", rf"{_B}(?P<first>1)/(?P<second>\d{{1,3}}(?:(?:[.,]|{_GAP})\d{{3}})+){_E}"),
        Shape("tally", r"[.,]\d/\d", rf"{_B}(?P<first>\d\d?[.,]\d\d?)/(?P<second>5|10|20|100){_E}"),
        Shape("tally", r"\d/\d", rf"{_B}(?P<first>{_GROUPED})/(?P<second>{_GROUPED}|\d{{1,4}}){_E}"),
        Shape("slash", r"\d[/⁄]\d", rf"{_B}(?P<first>\d{{1,4}})[/⁄](?P<second>\d{{1,4}})(?P<mark>(?:[rn]d|th)s?)?"
              r"(?![\w/%]|[.,-]\d)", decisions.slash),
        Shape("ratio", r"\d ?: ?\d",
              rf"{_B}(?P<hour>\d{{1,4}})(?::| : )(?P<minute>{_GROUPED}|{_SPACED}|\d{{1,7}})(?![\w:]|[.,]\d)",
              decisions.ratio),
        Shape("range", r"[^\W\d]\.?\s?[-–—−]\s?\d", rf"{_B}{number}{scale1}{_DASH}(?P<until>{_NUMBER}){scale}?{_E}"),
        Shape("range", r"\d\s?%?\s?[-–—−]\s?\d", rf"{_B}{number}(?P<mark>%)?{_DASH}(?P<until>{_NUMBER}){_E}",
              decisions.span),
        Shape("unit", "", rf"(?:(?<=[{VULGAR}])|(?<=[{VULGAR}] )|(?<=\d/\d ))"
              rf"(?P<unit>{decisions.OF_FRACTION})"),
        Shape("unit", r"10\^",
              rf"(?:(?<=10\^\d )|(?<=10\^\d\d )|(?<=10\^-\d )|(?<=10\^-\d\d ))(?P<unit>{powered})(?!\w){per}"),
        Shape("over", r"\d / \d", rf"{_B}(?P<first>\d{{1,3}}) / (?P<second>\d+){_E}"),
        Shape("each", r"[^\W\d_]/\d", r"(?:(?<=\d [glh])|(?<=\d kg)|(?<=\d ml)|(?<=\d mg))/(?=\d)"),
        Shape("scientific", r"\d[eE][-+\d]",
              rf"{_B}{_SIGN}(?P<number>\d+(?:[.,]\d+)?)[eE](?P<exponent>[-+]?\d{{1,3}})(?!\w)"),
        Shape("cardinal", "[a-zA-Z]", rf"{_B}{_SIGN}{number}{_GAP}?(?P<scale>{scales})(?!\w)", decisions.year),
        Shape("version", r"\d\.\d+[^\W\d_]",
              rf"{_B}(?P<v>[vV])?(?P<number>\d+(?:\.\d+)+)(?P<suffix>[^\W\d_]{{1,3}})(?![\w.'’])"),
        Shape("serial", r"[^\W\d_]-?\d|\d-?[^\W\d_]",
              r"(?<![\w.])(?<!\d,)(?=[\w-]*\d)(?=[\w-]*[^\W\d_])(?P<number>[^\W_]+(?:-[^\W_]+)*)(?!\w)"),
        Shape("cardinal", "", rf"{_B}{_SIGN}{number}{scale}?(?!\w)", decisions.year),
        Shape("cardinal", "", r"(?P<number>\d+)"),
        Shape("minus", "[-−–]", rf"(?<![^\s(\[{{=:;,])[-−–](?=[\d{VULGAR}])"),
        Shape("point", r"\d\.\d", r"(?<=\d)\.(?=\d)"),
        Shape("stroke", r"\d/\d", r"(?<=\d)(?<!\b24)(?<!\b24/7)/(?=\d)"),
    ]


def _dates(language: Language) -> Iterable[Shape]:
    mark, of = language.get("date.mark", _NEVER), language.get("date.of", _NEVER)
    month, dot = r"(?P<month>[^\W\d_]{3,10})", r"(?:\.(?=\s*[a-zß-ÿ\d,;:)]))?"
    year = rf"(?:,?\s+(?:{of}\s+)?(?P<year>\d{{4}})(?!\d|[.,]\d|\s?[:€$%]))?"
    weekday = rf"(?:(?P<weekday>\b(?:{alternatives(language.get('days', {}))}))\.?,?\s+)?"
    day = rf"(?P<day>\d{{1,2}})(?:{mark})?(?:{_DASH}(?P<until>\d{{1,2}})(?:{mark})?)?"
    yield Shape("date", r"\d-\d\d-", rf"{_B}(?P<one>\d{{4}})(?P<by>-)(?P<two>\d\d)-(?P<three>\d\d)(?![\d-])"
          rf"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?{_ZONE})?", decisions.date)
    yield Shape("date", r"\d[-/][^\W\d_]{3}", rf"{_B}(?P<day>\d\d?)([-/]){month}\2(?P<year>\d{{4}}|\d\d){_E}",
          decisions.named)
    yield Shape("months", r"[-–]\s?[^\W\d_]{3,10}\.? ", rf"{_MONTHS}\.?\s(?:{of}\s)?(?P<year>[12]\d{{3}})(?!\w|[.,]\d)",
          decisions.months)
    yield Shape("date", r"[^\W\d_]{2}[- ]\d",
          rf"(?<!\w){month}(?P<by>-| )(?P<day>\d\d?)(?:(?P=by)|, )(?P<year>\d{{4}}){_E}", decisions.named)
    yield Shape("date", "", rf"{_B}{weekday}{day}\s?(?:{of}\s)?\b{month}(?!\w){dot}{year}", decisions.named)
    if language["date.order"] == "mdy":
        yield Shape("date", "", rf"(?<!\w){weekday}{month}\.?\s(?:the\s)?{day}(?![\w:]|[.,]\d){year}", decisions.named)
    yield Shape("date", "",
          rf"(?<!\w)(?<![^\W\d_][-–])(?<!\.[-–]){month}\.?\s(?:{of}\s)?(?P<year>[12]\d{{3}})(?!\w|[.,]\d)",
          decisions.named)
    yield Shape("date", r"\d[/.-]\d\d?[/.-]\d\d",
          rf"{_B}(?P<one>\d{{1,4}})(?P<by>[/.-])(?P<two>\d\d?)(?P=by)(?P<three>\d{{2,4}}){_E}(?!-\d)", decisions.date)
    if language.get("date.dotted"):
        yield Shape("date", r"\d\.\d\d?\.", rf"{_B}(?P<day>\d\d?)\.(?P<month>\d\d?)\.(?!\d)", decisions.day_month)


def _times(language: Language) -> Iterable[Shape]:
    noon, hours = language.get("time.noon"), language.get("time.hours", _NEVER)

    def clock(after: str = "", separator: str = "[.:]") -> str:
        minute = rf"(?P<minute{after}>[0-5]\d)"
        return rf"(?P<hour{after}>[01]?\d|2[0-4])(?:{separator}{minute})"

    def half(after: str = "") -> str:
        return rf"(?:{_GAP}?(?P<noon{after}>{noon})(?!\w))?" if noon else ""

    unit = rf"(?:{_GAP}?(?:{hours}|h)(?!\w))?"
    yield Shape("time", r"\d:\d",
          rf"{_B}(?P<hour>[01]?\d|2[0-4]):(?P<minute>\d\d)(?::(?P<second>[0-5]\d)(?:[.,]\d+)?)?{half()}{unit}{_ZONE}"
          rf"(?:{_DASH}{clock('2', ':')}{half('2')}{unit})?(?![\w:/]|[.,]\d|{_GAP}\d{{3}}\b)", decisions.colon)
    if language.get("time.dotted"):
        yield Shape("time", hours, rf"{_B}{clock()}?(?:{_DASH}{clock('2')}?)?{_GAP}?(?:{hours}){_STOP}(?!\w)")
    if noon:
        yield Shape("time", rf"\d\s?(?:{noon})",
              rf"{_B}{clock()}?{half()}(?:{_DASH}{clock('2')}?{_GAP}?(?P<noon2>{noon})|(?<!\d)(?<!\d ))(?!\w)")
    if language.get("time.h"):
        hour = rf"{_GAP}?[hH](?:{_GAP}?(?P<minute{{}}>[0-5]\d)(?:{_GAP}?(?:min|m)\b)?)?{_STOP}".format
        yield Shape("time", r"\d\s?[hH]",
              rf"{_B}(?P<hour>[01]?\d|2[0-4]){hour('')}(?:{_DASH}(?P<hour2>[01]?\d|2[0-4]){hour('2')})?(?![\w/])")
    yield Shape("duration", r"\d:\d\d[.,]\d",
          rf"{_B}(?P<minutes>[1-9]\d?):(?P<seconds>[0-5]\d[.,]\d{{1,2}})(?:{_GAP}?min\b)?(?!\w|[.:,]\d)")
    yield Shape("duration", r"\d\s?(?:h|m|['′])",
          rf"{_B}(?:(?P<hours>\d+){_GAP}?h{_GAP}?)?(?:(?P<minutes>\d+){_GAP}?(?:min|m(?!i)|['′]){_GAP}?)?"
          rf"(?:(?P<seconds>\d+(?:[.,]\d+)?){_GAP}?(?:s|sec|''|\"|″)(?!\w))?(?<=[hmns'\"′″])(?!\w)",
          decisions.duration)


@cache
def of_letters(language: Language) -> list[Shape]:
    """Returns the shapes that need no digits: abbreviations, Roman numerals, signs."""
    known, days = abbreviations.written(language), alternatives(language.get("days", {}))
    signs = re.escape("".join(sign for sign in language["signs"] if sign not in "-±"))
    units = alternatives(sign for sign in names.unit_signs(language) if len(sign) > 1)
    months = alternatives(names.month_forms(language))
    per_words = alternatives(language.words("units.rates"))
    rates = alternatives(sign for sign in names.unit_signs(language) if re.search("[/²³]", sign))
    return [
        Shape("days", "", rf"(?<!\w)(?P<weekday>{days})\.?(?:\s?[-–]\s?| {language['to']} )(?P<until>{days})(?!\w)\.?"),
        Shape("months", "[-–]", rf"{_MONTHS}(?:\.(?=.))?", decisions.months),
        Shape("to", r"\d(?:s|er)?[-–]",
              rf"(?:(?<=\ds)|(?<=\der))[-–](?=['’]?\d{{2,4}}(?:s|er)\b)|(?<=\d)[-–](?=(?:{months})\.?\s\d)"),
        Shape("days", r"\.", rf"(?<!\w)(?P<weekday>{days})\.(?=,? (?:den |dem |the |le |el )?\d)"),
        Shape("abbreviation", r"\.",
              rf"(?<![\w.])(?:(?P<numbered>{alternatives(known.numbered)})(?=\s?:?\s?[+(]?{abbreviations.NUMERAL})"
              rf"|(?P<named>{alternatives(known.named)})(?=\s+[^\W\d_a-z][\w'’])|(?P<name>{alternatives(known.always)})(?!\w|\.\.\w))",
              decisions.abbreviation),
        *(Shape(kind, "", pattern) for kind, pattern in language.get("word_shapes", {}).items()),
        Shape("roman", r"\b[IVXLCDM]",
              rf"(?<![\w.-])(?P<roman>{_ROMAN})(?P<mark>{language.get('roman_marks', _NEVER)})?(?![\w-])",
              decisions.roman),
        Shape("power", r"\^", _POWER),
        Shape("unit", "[/²³]", rf"(?<![\w/])(?P<unit>{rates})(?![\w/])"),
        Shape("unit", UNIT, rf"(?<!{language['words.dot']} ){UNIT}(?![\w'’/²³-]|\.\w)"),
        Shape("rate", "/",
              rf"(?:(?<=[^\W\d_])|(?<=\d)(?=/(?:min|h)\b))/(?P<per>s|min|h|{units}|{per_words})(?![\w/])",
              decisions.rate),
        Shape("minus", "[-–−]", r"(?<=[\w)%°²³]) ?[−]\s?(?=[\w(])|(?<=[\w)%°²³]) [-–] (?=[\w(])", decisions.minus),
        Shape("sign", "[<>]", "(?P<sign>[<>])", decisions.comparison),
        Shape("nothing", "#", rf"#(?=(?:{_DIRECTIVES})\b)"),
        Shape("stroke", r"\b[a-z] / ", r"(?<=\b[a-z]) / (?=[a-z]\b)"),
        Shape("hash", "#", _KEY % "#"),
        Shape("star", r"\*", _KEY % r"\*"),
        Shape("hash", "(?i:IRC|channel|canal|kan[aä]l).*#|#.*(?i:IRC|channel|canal|kan[aä]l)", r"(?<!\w)#(?=[a-zß-ÿ])"),
        Shape("nothing", "#", r"#(?![^\W\d_])"),
        Shape("variable", r"\$", r"(?<!\w)\$(?=[^\W\d_])"),
        Shape("sign", "", rf"(?P<sign>(?!(?<=[^\W\d_])[©®™£][^\W\d_])[{signs}])"),  # CÃ©line
        Shape("stray", "", _STRAY),
        Shape("greek", "[α-ωΑ-Ω]", r"(?<![\u0370-\u03ff])[\u0391-\u03c9](?![\u0370-\u03ff])"),
    ]
# fmt: on
