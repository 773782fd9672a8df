"""Rewrites what agents write and nobody says so: tallies, rulers, hashes, names with signs."""

from __future__ import annotations

import re

from .items import MappedText
from .words import Words

# A sign several times in a row, and those around it: rulers, marks of a merge, progress bars with their brackets.
_SIGNS = r"[=\-_*#~+<>|^:/\\]"
_RULER = re.compile(  # each run of space or signs is looked at once, from its beginning
    rf"(?:(?<!\s)\s++)?(?P<open>[\[({{]\s*+)?(?P<signs>(?<!{_SIGNS})(?={_SIGNS}*?({_SIGNS})\3{{2}}){_SIGNS}++|[\u2500-\u259f]++)"
    r"(?(open)(?:[\s.]*+[\])}])?)\s*+"
)
_OPERATORS = ("===", "!==")
_EMPHASIS = re.compile(r"\*{3}|_{3}")  # beside a word
_HIGHLIGHT = re.compile(r"(?<![\w=])==(?=[^\s=])([^=\n]{1,200}(?<!\s))==(?![\w=])")
_STOPS = ".,;:!?…"

_UUID = re.compile(r"[{(]?\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b[})]?", re.IGNORECASE)
_KEY = re.compile(r"(?<![\w-])(?=[A-Za-z_-]*\d)(?=[\d_A-Z-]*[a-z])(?=[\d_a-z-]*[A-Z])[\w-]{24,256}(?![\w-])", re.ASCII)
_HEX = re.compile(
    r"(?P<commit>\b(?i:commits?|revision|rev|merge)\s+)?(?<![\w-])(?:0x)?(?!\d+e\d+\b)"
    r"(?P<signs>(?=[A-Fa-f]*\d)(?=\d*[A-Fa-f])(?:[0-9a-f]{7,256}|[0-9A-F]{7,256}))(?![\w-])"
)
_HASH = 32  # signs of the shortest whole hash
_SPELLED = 7  # signs of a hash that are read, as git shows it

# +49 (0)30 123456, 030/123456, (415) 555-2671, (11) 98765-4321; not 05-06-2027.
_TELEPHONE = re.compile(
    r"(?<![\w.,:/-])(?!\d\d?([-/ ])\d\d?\1\d{4}\b)(?:\+\d{1,3}+(?:[ .()/-]{0,3}\d){7,12}"
    r"|(?=(?:[ ()/-]{0,2}\d){7})\(?0\d{1,4}\)?(?:[ /-]{1,2}\d{2,8}){1,4}"
    r"|(?:1[ .-])?\(?\d{3}\)?[ .-]{1,2}\d{3}[ .-]\d{4}|\(\d\d\) ?\d{4,5}-\d{4})(?![\w-])"
)
_NET = re.compile(r"(?P<word>(?<=\w))?(?<!\.)\.NET\b")
_PLUS = re.compile(r"(?<=[A-Za-z])\+\+(?![A-Za-z_+])(?=(\d?))")
_SHARP = re.compile(r"\b([A-G])#(?!\w)")

_TALLY = re.compile(r"(?<![\w/.,:-])(?P<part>\d{1,4})/(?P<all>\d{1,4})(?![\w/%]|[.,-]\d)")
_NO_TALLY = ("9/11", "50/50")
_DATE_BEFORE = re.compile(
    r"\b(?:on|since|until|till|by|before|after|due|dated|between|am|vom|seit|bis|zum|le|du|au|depuis|el|del|día|desde|hasta|dia|até|"
    r"(?:mon|tues?|wed(?:nes)?|thurs?|fri|sat(?:ur)?|sun)(?:day)?|(?:jan|febr?|mar|apr|may|june?|july?|aug|sept?|oct|nov|"
    r"dec)\w*),?\s+\Z",
    re.IGNORECASE,
)
_DATE_AFTER = re.compile(r",?\s+(?:(?:19|20)\d\d\b|(?:at|um|à|às|a las)\s\d)")
# Usual denominators: without a word that counts beside it, 3/4 is a fraction, which engines read.
_PARTS = {2: "half", 3: "third", 4: "quarter", 5: "fifth", 6: "sixth", 8: "eighth", 16: "sixteenth",
          32: "thirty-second", 64: "sixty-fourth"}  # fmt: skip
_COUNTED_BEFORE = re.compile(
    r"(?:\b(?:steps?|parts?|pages?|tests?|tasks?|phase|attempts?|try|retry|round|stage|chapter|scored?|progress|batch|epoch|"
    r"shard|jobs?|chunk|slide|question|files?|étape|partie|essai|tentative|etapa|fase|parte|passo|paso|tentativa|intento|"
    r"schritt|teil|versuch|datei):?\s+|[\[(])\Z",
    re.IGNORECASE,
)
_COUNTED_AFTER = re.compile(
    r"\s+(?:(?:\w+\s+)?(?:tests?|checks?|files?|steps?|tasks?|jobs?|cases?|suites?|points?|stars?|items?|attempts?|tries|"
    r"runs?|testes|verificações|arquivos|ficheiros|etapas|passos|tarefas|casos|fichiers|vérifications|étapes|tâches|cas|dateien|"
    r"prüfungen|schritte|aufgaben|fälle|pruebas|comprobaciones|archivos|ficheros|pasos|tareas)\b|(?:passed|failed|passing|failing|done|complete|completed|succeeded|skipped|green|red|ok|left)\b)",
    re.IGNORECASE,
)
_FRACTION = re.compile(
    r"(?<![\w/.,:-])(?<!\d )(?P<part>\d{1,2})/(?P<all>\d{1,2})\s+(?P<unit>inch(?:es)?|foot|feet|yards?|miles?|cups?|"
    r"teaspoons?|tablespoons?|tsp|tbsp|ounces?|oz|pounds?|lbs?|pints?|quarts?|gallons?|hours?|minutes?|seconds?|days?|weeks?|"
    r"months?|years?|acres?|lit(?:er|re)s?|met(?:er|re)s?)\b"
)
_SINGULAR = {"feet": "foot", "inches": "inch", "tsp": "teaspoon", "tbsp": "tablespoon", "oz": "ounce", "lbs": "pound",
             "lb": "pound"}  # fmt: skip


def identified(text: MappedText, words: Words | None) -> MappedText:
    """Returns the text with what a UUID, a key or a hash is instead of it; a short one's first signs are spelled."""
    if words is not None:
        text = text.sub(_UUID, words.an_id).sub(_KEY, words.an_id)

    def hash(match: re.Match[str]) -> str:
        commit, signs = match["commit"] or "", match["signs"]
        if words is not None and not commit and len(signs) >= _HASH:
            return words.a_hash
        return commit + " ".join(signs[:_SPELLED].upper())

    return text.sub(_HEX, hash)


def dialled(text: MappedText) -> MappedText:
    """Returns the text with the digits of telephone numbers one by one, and a pause between their groups."""

    def spelled(match: re.Match[str]) -> str:
        return "+" * (match[0][0] == "+") + ", ".join(map(" ".join, re.findall(r"\d+", match[0])))

    return text.sub(_TELEPHONE, spelled)


def named(text: MappedText) -> MappedText:
    """Returns the text with the names of languages and the like as everybody says them."""
    text = text.sub(_NET, lambda match: "dot net" if match["word"] is None else " dot net")
    text = text.sub(_PLUS, lambda match: " plus plus" + " " * bool(match[1]))
    return text.sub(_SHARP, lambda match: f"{match[1]} sharp")


def unruled(text: MappedText) -> MappedText:
    """Returns the text with a pause instead of signs in a row; the words between them stay."""
    return text.sub(_HIGHLIGHT, lambda match: match[1]).sub(_RULER, _pause)


def tallied(text: MappedText, words: Words) -> MappedText:
    """Returns the text with `12/12` as twelve of twelve and, in English, `9/16 inch` as a part of one; dates stay."""

    def tally(match: re.Match[str]) -> str:
        part, whole = int(match["part"]), int(match["all"])
        before, after = match.string[max(0, match.start() - 24) : match.start()], match.string[match.end() :]
        if part > whole or match[0] in _NO_TALLY:
            return match[0]
        if whole <= 31 and (_DATE_BEFORE.search(before) or _DATE_AFTER.match(after)):
            return match[0]
        counted = _COUNTED_AFTER.match(after) or _COUNTED_BEFORE.search(before)
        if 0 < part < whole and whole in _PARTS and not counted:
            return match[0]
        return f"{match['part']} {words.out_of} {match['all']}"

    return (text.sub(_FRACTION, _fraction) if words.out_of == "of" else text).sub(_TALLY, tally)


def _pause(match: re.Match[str]) -> str:
    signs, text = match["signs"], match.string
    before, after = text[: match.start()], text[match.end() :]
    beside = text[: match.start("signs")][-1:] + text[match.end("signs") :][:1]
    if signs in _OPERATORS or (_EMPHASIS.fullmatch(signs) and any(map(str.isalnum, beside))):
        return match[0]
    return " " if not before or not after or before[-1] in _STOPS or after[0] in _STOPS else ", "


def _fraction(match: re.Match[str]) -> str:
    part, whole, unit = int(match["part"]), int(match["all"]), match["unit"]
    if whole not in _PARTS or not 0 < part < whole:
        return match[0]
    unit = _SINGULAR.get(unit, unit.removesuffix("s"))
    single = f"{'an' if unit[0] in 'aio' or unit == 'hour' else 'a'} {unit}"
    if whole == 2:
        return f"half {single}"
    name = _PARTS[whole]
    return f"{'an' if name == 'eighth' else 'a'} {name} of {single}" if part == 1 else f"{part} {name}s of {single}"
