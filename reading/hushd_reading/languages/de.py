"""German: the forms that a table cannot say."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from hushd_reading import gender, names, spellout
from hushd_reading.language import Language
from hushd_reading.near import Near, Parts
from hushd_reading.parse import Amount, Fraction, Number

if TYPE_CHECKING:
    from hushd_reading.verbalise import Verbaliser

# An ordinal adds this to its e after these words: am dritten, der dritte, ein dritter.
_ENDINGS = (
    (r"(?:am|vom|zum|beim|im|den|dem|des|zur|ab|bis|seit|de[nms] [a-zäöü]+en|(?:jed|dies)e[nms]|"
     r"(?:ein|kein|mein|dein|sein|unser|ihr)e[nmrs]|"
     r"(?:in|auf|bei|mit|nach|von|zu|aus|an|vor|ab|unter|hinter|über|neben|seit|wegen|während|trotz|statt) der|"
     r"(?:am|vom|zum|ab|bis|seit) (?:\w+tag|Mittwoch|Sonnabend),)", "n"),
    (r"(?:der|die|das|ins|(?:jed|dies)e[rs]?|(?:ein|kein|mein|dein|sein|unser|ihr)e)", ""),
)  # fmt: skip
_RANKS = "wurde wird werde werden wurden als jeder jede jedes"
_JOINED = re.compile(r"\s?(?:,|/|-|–|und|oder|bis|sowie|bis zum)\s?\d{1,3}\.(?!\d)")
_NOUN_FOLLOWS = re.compile(r"\s+(?:[a-zäöüß]|[A-ZÄÖÜ])")


def ending(before: str) -> str | None:
    """Returns the ending of an ordinal after these words; None without an article or the like among them."""
    row = r"(?:\d{1,3}\.\s?(?:,|und|oder|bis|/|-|–)\s?)*"  # 1., 2. und
    endings = (end for words, end in _ENDINGS if re.search(rf"\b{words}\s+{row}\Z", before, re.IGNORECASE))
    return next(endings, None)


def is_ordinal(parts: Parts, near: Near) -> bool:
    """A number with a full stop is one after an article, in a row, or before a noun that begins no sentence."""
    long = len(parts["number"]) > 3 and not re.search(r"(?i:\b(?:de[mnrs]|die|das|zu[mr]) )\Z", near.text[: near.start])
    if long or near.after[:1].islower() or re.search(r"\d bis\Z", near.before):  # 7.x
        return False
    if near.word_before() in ("ein", "kein", "mein", "dein", "sein", "unser", "ihr"):
        return near.after.strip() != ""
    if ending(near.text[max(0, near.start - 60) : near.start]) is not None or _JOINED.match(near.after):
        return True
    if re.search(r"\d\.\s?(?:,|/|-|–|und|oder|bis)\s?\Z", near.before + " "):
        return True
    if near.word_before() in _RANKS.split():
        return True
    numbered = near.follows("label") and re.match(r" \w+ \d\d?\b", near.after)  # Beispiel 10.1
    if numbered or near.cued("label", "not_year") or not _NOUN_FOLLOWS.match(near.after):
        return False
    word = near.word_after()
    if not word:
        return False
    if word[0].islower() and (not near.before or near.before[-1] in ":,;"):  # 1. die Ursache, 2. die Wirkung
        return near.before[-1:] == "," and word not in near.language.words("begins")
    return word[0].islower() or (
        word.casefold() not in near.language.words("begins")
        and f" {word.lower()}".endswith(_ordinal_nouns(near.language))
    )


@cache
def _ordinal_nouns(language: Language) -> tuple[str, ...]:
    """Returns what follows ordinals, in lower case: a noun, or the end of a compound, such as Bundesliga."""
    return tuple(noun.lower() if len(noun) > 3 else f" {noun.lower()}" for noun in language.words("ordinal_nouns"))


def is_year(number: str, near: Near) -> bool:
    """A number of 1100 to 1999 is one, unless it counts a noun."""
    noun = near.word_after()
    counts = near.cued("label", "not_year") or noun[:1].isupper() or noun == "mal"
    return 1100 <= int(number) < 2000 and not counts


def denominator(value: int) -> tuple[str, str]:
    name = (spellout.ordinal(value, "de")[:-1] + "el").capitalize()
    return name, name


def inflected(value: int, near: Near, otherwise: str = "r") -> str:
    end = ending(near.text[max(0, near.start - 60) : near.start])
    return spellout.ordinal(value, "de") + (otherwise if end is None else end)


def day(verbaliser: Verbaliser, number: int, near: Near) -> str:
    return inflected(number, near)


def say_ordinal(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    noun = near.word_after()
    if noun.lower() in near.language.words("centuries"):
        return inflected(int(number.whole), near, "s")
    otherwise = "r" if not noun or noun[0].islower() else {"f": "", "n": "s"}.get(gender.of(noun, "de") or "m", "r")
    return inflected(int(number.whole), near, otherwise)


def say_decade(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    spoken = (
        spellout.year(int(number.whole), "de") if len(number.whole) == 4 else spellout.cardinal(int(number.whole), "de")
    )
    return f"{spoken}{parts['mark'].replace('-', ' ')}"


def say_ruler(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    """Says a ruler's number: Karl der Fünfte, Karls des Fünften."""
    name = near.before.rsplit(" ", 1)[-1].lstrip("(„»")
    own = name in near.language.words("rulers")
    dative = re.search(
        r"\b(?:von|mit|bei|nach|unter|vor|zu|seit|aus)\s+(?:[^\W\d_]+\s+)?\Z", near.text[: near.start][: -len(name) - 1]
    )
    if (name if own else name.removesuffix("s")).endswith(("a", "beth", "et", "e")):
        article = "die" if own and not dative else "der"
    else:
        article = "des" if not own else "dem" if dative else "der"
    end = "" if own and not dative else "n"
    return f"{article} {spellout.ordinal(int(number.whole), 'de')}{end}"


def say_century(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    return inflected(int(number.whole), near, "s")


def say_measure(verbaliser: Verbaliser, amount: Amount, near: Near, parts: Parts) -> str | None:
    """Says 3x as one word: dreimal."""
    number = amount.number
    if parts["unit"] not in ("x", "×") or amount.until or not number.is_whole:
        return None
    return f"{spellout.cardinal(int(number.whole), 'de', 'm')}mal"


def say_joined(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    """Says 3-mal and 10-jährig as one word."""
    if "," in parts["number"]:
        return f"{verbaliser.say(number)}-{parts['tail']}"
    return f"{spellout.cardinal(int(parts['number']), 'de', 'm')}{parts['tail']}"


def say_also(verbaliser: Verbaliser, record: object, near: Near, parts: Parts) -> str:
    """Says the stroke of 1./2. Mai, which of a night is two days."""
    return " auf den " if re.search(r"\bNacht (?:vo[mn]|zum) (?:den )?\S+\Z", near.before) else " und "


def say_fraction(verbaliser: Verbaliser, fraction: Fraction, near: Near, parts: Parts) -> str | None:
    """Says a half in the gender of its noun: eine halbe Stunde."""
    noun = names.noun_after(near)
    of = gender.of(noun, "de") if noun[:1].isupper() else None
    if (fraction.whole, fraction.part, fraction.of) != (None, 1, 2) or of is None:
        return None
    if near.word_before() in near.language.words("case.dative"):
        return "einer halben" if of == "f" else "einem halben"
    return {"f": "eine halbe", "n": "ein halbes"}.get(of, "ein halber")


def say_percentage(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    """Says 100%ige as one word."""
    return f"{verbaliser.say(number)}{' ' * bool(number.places)}prozent{parts['tail']}"
