"""Puts words in the place of everything else: classifies a text, reads each token as a record, and says it."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from typing import Any

from .abbreviations import abbreviations
from .items import MappedText
from .language import Language

# Digits and signs other than those of plain sentences; most texts have none, and need none of the modules behind this.
_ODD = re.compile(
    r"\d|(?<=\w )(?:k[mg]|cm|[cdm]l|[kMGT]Wh|[kMG]Hz)\b"
    r"|[^\w\s.,;:!?'’\"“”«»()…—-]|_|[²³¹½⅓⅔¼¾⅕-⅞⁰-₉]|\w\.\w|\w\.[-–]| [-–] |[a-z][-–][A-Z]|\b[A-Z]{3}|[A-F]-(?!\w)"
)
_STOPPED = re.compile(r"\b([^\W\d_]{1,15})\.")
_ROMAN = re.compile(r"\b([^\W\d_]{1,30}) [IVXLCDM]{1,9}\b|\b[IVX]{1,9}(?:er|re|e|ème)s?\b")
_NUMBERED = re.compile(r"\b[IVX]{1,9} ([^\W\d_]{1,30})")
_WORD = re.compile(r"\S+")
_OPENING = set("([{“‘«")
_CLOSING = set(")]}”’»%.,;:!?")


def in_words(text: MappedText, language: Language) -> MappedText:
    """Returns a text, which is a sentence or a part of one, as it is spoken; each word knows its place."""
    if not _wanted(text.text, language) or not countable():
        return text
    from .classify import classify  # noqa: PLC0415 - 25 ms, and most sentences have no numbers

    say, result, taken = _verbaliser(language), MappedText(), 0
    for token in classify(text.text, language):
        words = _joined(say(token, text.text), text.text, token.start, token.end)
        result += text[taken : token.start]
        words = words.lstrip() if result.text[-1:].isspace() else words
        result += _placed(words, text[token.start : token.end])
        taken = token.end
    return result + text[taken:] if taken else text


@cache
def countable() -> bool:
    """Returns whether the packages of CLDR's rules and names are here; without them, as with the extra `stt` alone, an
    engine reads numbers itself."""
    return all(find_spec(name) is not None for name in ("babel", "unicode_rbnf"))


def _placed(words: str, source: MappedText) -> MappedText:
    """Returns words for a source: of a source of several words each stands for its share of them."""
    places = [match.span() for match in _WORD.finditer(source.text)]
    begins = [0, *(match.start() for match in _WORD.finditer(words, 1) if words[match.start() - 1].isspace())]
    if len(places) < 2 or len(begins) < 2:
        return MappedText.instead(words, *source.span())
    placed = MappedText()
    for index, (start, end) in enumerate(zip(begins, [*begins[1:], len(words)], strict=True)):
        place = places[index * len(places) // len(begins)]
        placed += MappedText.instead(words[start:end], *source.span(*place))
    return placed


def _wanted(text: str, language: Language) -> bool:
    if _ODD.search(text) or any(re.search(shape, text) for shape in language.get("word_shapes", {}).values()):
        return True
    known = abbreviations(language.code)
    short = known.goes_on | known.may_end | known.before_number | language.words("others")
    if any(word[1].lower() in short or len(word[1]) == 1 for word in _STOPPED.finditer(text)):
        return True
    nouns = language.words("roman_nouns")  # II Guerra Mundial
    if nouns and any(match[1].lower() in nouns for match in _NUMBERED.finditer(text)):
        return True
    return any(
        not match[1] or match[1] in language.words("rulers")
        or {match[1], match[1].lower()} & language.words("chapters")
        or match[1].lower() in language.words("centuries")
        for match in _ROMAN.finditer(text)
    )  # fmt: skip


def _joined(words: str, text: str, start: int, end: int) -> str:
    """Returns the words with the blanks and the full stop that they need between their neighbours."""
    if text[end - 1] == "." and not text[end:].strip() and words[-1:] not in (".", ""):
        words += "."
    before, after, source = text[start - 1 : start], text[end : end + 1], text[start:end]
    apart = before.isalnum() or (before in _CLOSING and source[0].isspace()) or words[:1] == " "
    words, blank_after = words.strip(), source[-1].isspace() or words[-1:] == " "
    goes_on = after.strip() and (after not in _CLOSING or text[end + 1 : end + 2].isdecimal())  # .5 is a number
    if not words:
        return " " * bool(before.strip() and goes_on and before not in _OPENING)
    return (
        " " * bool(apart and before.strip() and before not in _OPENING)
        + words
        + " " * bool(after.isalnum() or (blank_after and goes_on))
    )


@cache
def _verbaliser(language: Language) -> Any:
    from .verbalise import Verbaliser  # noqa: PLC0415 - likewise

    return Verbaliser(language)
