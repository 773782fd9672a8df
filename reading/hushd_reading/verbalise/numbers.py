"""Says numbers: cardinals, ordinals, years, fractions, ranges, ratios."""

from __future__ import annotations

import re

from hushd_reading import gender, names, spellout
from hushd_reading.language import Language
from hushd_reading.near import Near, Parts
from hushd_reading.parse import Fraction, Number

# Digits of a number in words, before the zeros at its end where it is long; others are read digit by digit.
_MAX_DIGITS, _MAX_SIGNIFICANT = 15, 6
_VOWEL = re.compile("(?i:[aeiouyà-ü])")


class Numbers:
    """Says the numbers of one language, for other classes, too."""

    def __init__(self, language: Language) -> None:
        self.language, self._tag = language, language.tag

    def say(self, number: Number, of: str | None = None, case: str | None = None) -> str:
        """Returns a number in words, in the gender `of` what it counts."""
        language, sign = self.language, self.language.get(f"signs.{number.sign}") if number.sign else ""
        if number.places:
            point = language["number.point"] if number.foreign else spellout.comma(self._tag)
            spoken = f"{self.whole(number.whole)} {point} {self._places(number)}"
        elif number.scale:
            counted = language.get("number.scale_gender", "m") if self.is_noun(number.scale) else of or "m"
            spoken = self.whole(number.whole, counted, case)
        else:
            spoken = self.whole(number.whole, of, case)
        if number.scale:
            single, plural = language["scales"][number.scale].split("/")
            if plural == language.get("number.joined_scale") and not number.places:  # zweitausend
                return self.say(number._replace(whole=f"{number.whole}000", scale=""), of, case)
            name = single if self.single(number) else plural
            spoken += " " + (number.scale if number.scale in (single, plural) else name)
        return f"{sign} {spoken}" if sign else spoken

    def is_noun(self, scale: str) -> bool:
        """Returns whether a word for thousands or millions is a noun: dois milhões de pessoas, but duas mil pessoas."""
        single, _, plural = self.language["scales"][scale].partition("/")
        return bool(single != plural)

    def whole(self, digits: str, of: str | None = None, case: str | None = None) -> str:
        precise = len(digits) > _MAX_DIGITS and len(digits.rstrip("0")) > _MAX_SIGNIFICANT
        if precise or (len(digits) > 1 and digits[0] == "0"):
            return spellout.digits(digits, self._tag)
        return spellout.cardinal(int(digits), self._tag, of, case)

    def _places(self, number: Number) -> str:
        digits, rest = number.places, number.places.lstrip("0")
        each = self.language.get("number.places") == "digits" and not (number.foreign and len(digits) < 3)
        if each or len(rest) > 3 or not rest:
            return spellout.digits(digits, self._tag)
        zeros = [spellout.cardinal(0, self._tag)] * (len(digits) - len(rest))
        return " ".join([*zeros, self.whole(rest)])

    def single(self, number: Number) -> bool:
        """Returns whether what the number counts is in the singular: in some languages everything below two is."""
        if self.language.get("number.single_below_two"):
            return number.value < 2 and not (number.scale and number.value >= 2)
        return number.value == 1 and not number.places

    def attributive(self, near: Near) -> bool:
        """Returns whether a unit stands before a noun that it describes, in the singular: a 16 GB stick, $5-a-day."""
        words, before = self.language.words("attributive"), near.before.split()
        article = near.word_before() in words and before[1:][-1:] != ["A"]  # Vitamin A 5 mg
        return article or (bool(words) and re.match("-[a-z]", near.after) is not None)

    def counted(self, number: Number, near: Near, parts: object = None) -> str:
        """Returns a number with the gender and the case of the word that it counts."""
        noun, of = near.word_after(), None
        is_noun = _VOWEL.search(noun) and not noun.isupper() and noun.lower() not in self.language.words("not_nouns")
        several = number.value == 1 or noun[-1:] in self.language.get("plural", noun[-1:])  # 523 parte: no noun
        if is_noun and several and not near.cued("label"):
            of = gender.of(noun, self.language.code, plural=number.value != 1)
        if of is None and near.word_before() in self.language.words("cues.feminine"):
            of = "f"  # às 2, of hours
        if of is None or number.places:
            return self.say(number)
        return self.say(number, of, self._case(near))

    def _case(self, near: Near) -> str | None:
        word = near.word_before()
        cases = (case for case in self.language.get("case", {}) if word in self.language.words(f"case.{case}"))
        return next(cases, None)

    cardinal = short_year = counted

    def digits(self, number: Number, near: Near, parts: object) -> str:
        return spellout.digits(number.whole, self._tag)

    def series(self, record: object, near: Near, parts: Parts) -> str:
        return ", ".join(self.whole(digits) for digits in parts["number"].split(","))

    def year(self, number: Number, near: Near, parts: object) -> str:
        return self.year_of(number.whole)

    decade = year

    def year_of(self, digits: str) -> str:
        if self.language.get("number.years"):
            return spellout.year(int(digits), self._tag)
        return spellout.cardinal(int(digits), self._tag)

    def ordinal(self, number: Number, near: Near, parts: object) -> str:
        return spellout.ordinal(int(number.whole), self._tag)

    def fraction(self, fraction: Fraction, near: Near, parts: object) -> str:
        language, whole = self.language, fraction.whole
        name = language.get("fraction.names", {}).get(str(fraction.of))
        if name is not None:
            single, plural = name.split("/")
        else:
            single, plural = self.language.function("denominator")(fraction.of)  # type: ignore[misc]
        if fraction.of == 2 and fraction.part == 1:
            noun = names.noun_after(near)
            feminine = gender.of(noun, language.code) == "f"
            form = "half_feminine" if feminine else "" if noun else "half_alone"
            half = language.get(f"fraction.{form}")
            spoken = (half or language["fraction.half"]) if whole is None else language["fraction.and_half"]
        else:
            part = self.whole(str(fraction.part), language["fraction.gender"])
            spoken = f"{part} {single if fraction.part == 1 else plural}"
        if whole is None:
            return str(spoken)
        template = language["fraction.mixed_half" if fraction.of == 2 else "fraction.mixed"]
        return str(template.format(self.whole(str(whole), language.get("fraction.whole", "m") or None), spoken))

    def halves(self, record: object, near: Near, parts: Parts) -> str:
        """Says a half behind its noun: deux heures et demie, tres tazas y media."""
        language, whole, noun = self.language, parts["whole"], parts["noun"]
        if noun in names.unit_signs(language):
            of = names.noun_gender(names.unit(noun, language, True), language)
            noun = names.unit(noun, language, whole == "1")
        else:
            of = gender.of(noun, language.code, plural=whole != "1")
        return f"{self.whole(whole, of)} {noun} {language['fraction.behind'].split('/')[of == 'f']}"

    def tally(self, pair: tuple[Number, Number], near: Near, parts: object) -> str:
        return f"{self.say(pair[0])} {self.language['words.out_of']} {self.counted(pair[1], near)}"

    def ratio(self, pair: tuple[Number, Number], near: Near, parts: object) -> str:
        score = re.search(r"\d\s?[-–—]", near.text[near.start : near.end])
        word = self.language.get("number.score") if score else ""
        return f"{self.say(pair[0])} {word or self.language['number.ratio']} {self.say(pair[1])}"

    def said(self, number: object, near: Near, parts: Parts) -> str:
        return str(self.language["said"][f"{parts['first']}/{parts['second']}"])

    def season(self, pair: tuple[Number, Number], near: Near, parts: object) -> str:
        first, last = pair
        last_words = self.year_of(last.whole) if len(last.whole) == 4 else self.whole(last.whole)
        apart = "/" not in near.text[near.start : near.end] and int(last.whole) != (int(first.whole) + 1) % 100
        word = self.language["to"] if apart else self.language.get("number.season")  # 1939-45, but 1998-99
        return f"{self.year_of(first.whole)} {word} {last_words}".replace("  ", " ")

    def range(self, pair: tuple[Number, Number], near: Near, parts: Parts) -> str:
        first, last = pair
        if all(re.fullmatch("1[1-9]\\d\\d|20\\d\\d", number.whole) and number.is_whole for number in pair):
            words = [self.year_of(number.whole) for number in pair]
        else:
            words = [self.say(first), self.counted(last, near)]
        mark = f" {names.unit('%', self.language, self.single(first))}" if parts.get("mark") else ""
        usual = "range" if first.is_whole and last.is_whole else "to"
        return f"{words[0]}{mark}{self.to(near, usual)}{words[1]}"

    def per(self, units: str) -> str:
        """Returns the words for what a number is per, such as day and kg/day; none for nothing."""
        word, each = self.language["units.per"], filter(None, units.split("/"))
        return "".join(f" {word} {names.unit(unit, self.language, True)}" for unit in each)

    def to(self, near: Near, usual: str = "to") -> str:
        """Returns the word of a range with blanks around, by the word before; a hyphen in its place has none."""
        word, joins = near.word_before(), self.language.get("ranges", {})
        join = next((join for join in joins if word in self.language.words(f"ranges.{join}")), "")
        join = join or self.language.get(usual) or self.language["to"]
        return f" {join} " if join != "-" else join
