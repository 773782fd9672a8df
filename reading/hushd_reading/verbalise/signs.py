"""Says names with digits, abbreviations, Roman numerals, powers and signs."""

from __future__ import annotations

import re
import unicodedata

from hushd_reading import abbreviations, names, spellout
from hushd_reading.near import Near, Parts
from hushd_reading.parse import Number

from .numbers import Numbers


class Signs(Numbers):
    """Says what has no value of its own."""

    def telephone(self, record: object, near: Near, parts: Parts) -> str:
        plus = f"{self.language['signs.+']} " if parts["number"].startswith("+") else ""
        size = self.language.get("telephone.group", 1)
        groups = re.findall(r"\d+", parts["number"])
        if size > 1:  # 0612345678, of +33 612345678 the first alone
            pairs = r"^\d(?=(?:\d\d){2,}$)|\d\d(?=(?:\d\d)*$)|\d+"
            groups = [pair for group in groups for pair in re.findall(pairs, group)]
        spoken = (
            spellout.digits(group, self._tag, len(group) if size > 1 and len(group) <= 3 else 1) for group in groups
        )
        return plus + ", ".join(spoken)

    def iban(self, record: object, near: Near, parts: Parts) -> str:
        groups = (
            " ".join(self.whole(sign) if sign.isdecimal() else sign for sign in group)
            for group in parts["number"].split()
        )
        return f"{' '.join(parts['country'])} {', '.join(groups)}"

    def version(self, record: object, near: Near, parts: Parts) -> str:
        numbers = parts["number"].split(".")
        address = len(numbers) == 4 and all(int(number) < 256 for number in numbers)
        word = self.language["words.dot" if address else "number.point"]
        each = address and self.language.get("number.address") == "digits"
        spoken = [spellout.digits(n, self._tag) if each and len(n) == 3 else self.whole(n) for n in numbers]
        suffix = f" {parts['suffix']}" if "suffix" in parts else ""  # 802.11ax
        return f"{self.language['words.version']} " * ("v" in parts) + f" {word} ".join(spoken) + suffix

    def serial(self, record: object, near: Near, parts: Parts) -> str:
        def spoken(match: re.Match[str]) -> str:
            digits, text = match[0], match.string
            before, after = text[match.start() - 1 : match.start()], text[match.end() :]
            head = text[: match.start()]
            dated = (before == "-" and head.islower()) or head == "FY" or (head.isalpha() and len(head) > 5)
            year = dated and re.fullmatch(r"1[1-9]\d\d|20\d\d", digits)
            joined = re.match(r"-[^\W\d_]{3}|[KM]\b", after)  # 100-Meter-Lauf, 128K
            tens = not head and (joined or (digits[2:] == "0" and after[:1].isalpha()))  # 720p
            words = (
                self.year_of(digits)
                if year
                else self.whole(digits)
                if tens or len(digits) <= self.language.get("number.serial", 2)
                else spellout.digits(digits, self._tag)
            )
            return " " * before.isalpha() + words + " " * after[:1].isalpha()

        if english := re.fullmatch(r"(\d+)(?:st|nd|rd|th)", parts["number"]):  # 20th Century Fox
            return spellout.ordinal(int(english[1]), "en")
        text = re.sub(
            "[α-ωΑ-Ω]", lambda match: f" {self._greek(match[0])} ", unicodedata.normalize("NFKC", parts["number"])
        )
        return re.sub(r"\d+", spoken, text)

    def roman(self, number: Number, near: Near, parts: object) -> str:
        return self.say(number)

    def century(self, number: Number, near: Near, parts: object) -> str:
        return self._ranked(number, "m", self.language.get("century_ordinals", 1000))

    def ruler(self, number: Number, near: Near, parts: object) -> str:
        feminine = re.search(self.language.get("ruler_feminine", "(?!)"), near.before)
        spoken = self._ranked(number, "f" if feminine else "m", self.language.get("ruler_ordinals", 1000))
        return str(self.language.get("ruler", "{}").format(spoken))

    def _ranked(self, number: Number, of: str, most: int) -> str:
        """Returns a number as an ordinal up to `most`, and a greater one as it is."""
        value = int(number.whole)
        return spellout.ordinal(value, self._tag, of) if value <= most else self.say(number)

    def days(self, record: object, near: Near, parts: Parts) -> str:
        names = self.language["days"]
        until = f" {self.language['to']} {names[parts['until']]}" if "until" in parts else ""
        return f"{names[parts['weekday']]}{until}"

    def abbreviation(self, record: object, near: Near, parts: Parts) -> str:
        known, agreeing = abbreviations.written(self.language), self.language.get("agreeing", {})
        for form in agreeing:  # S. Anna, la prof.
            if re.compile(form).match(near.text, near.start):
                return str(agreeing[form])
        ((kind, written),) = parts.items()
        forms = {"numbered": known.numbered, "named": known.named, "name": known.always}
        beside = near.word_before() if near.before[-1:].isalpha() or near.before[-1:] == "." else ""
        feminine = names.noun_gender(beside, self.language) == "f"  # temperatura máx.
        return forms[kind][written].replace("o/a", "a" if feminine else "o")

    def nothing(self, record: object, near: Near, parts: object) -> str:
        return ""

    def number_sign(self, record: object, near: Near, parts: object) -> str:
        word = self.language["number.sign"]
        return "" if near.word_before().startswith(word[:5].lower()) else f"{word} "  # numbers #1 and #2

    def verse(self, pair: tuple[Number, Number], near: Near, parts: Parts) -> str:
        until = f" {self.language['to']} {self.whole(parts['until'])}" if "until" in parts else ""
        return f"{self.say(pair[0])} {self.say(pair[1])}{until}"

    def rate(self, record: object, near: Near, parts: Parts) -> str:
        return self.per(parts["per"])

    def scientific(self, number: Number, near: Near, parts: Parts) -> str:
        power = self.power(number, near, {"exponent": str(int(parts["exponent"]))})
        return f"{self.say(number)} {self.language['number.times']} {self.whole('10')}{power}"

    def power(self, record: object, near: Near, parts: Parts) -> str:
        exponent, powers = parts["exponent"], self.language["power"]
        if exponent.isdecimal() and exponent in powers:
            return f" {powers[exponent]}"
        digits = exponent.lstrip("-+")
        sign = f"{self.language['signs']['-']} " if exponent[0] == "-" else ""
        return f" {powers['n']}".format(sign + (self.whole(digits) if digits.isdecimal() else digits))

    def stray(self, record: object, near: Near, parts: object) -> str:
        """Says small digits: raised behind a letter or a number a power, behind a word a footnote's mark."""
        written, powers = near.text[near.start : near.end], self.language["power"]
        digits = unicodedata.normalize("NFKC", written)
        if not digits.isdecimal():
            return ""
        if written[0] not in "²³¹" or not near.before or near.text[near.start - 1].isspace():
            return f" {self.whole(digits)}"
        return f" {powers[digits]}" if digits in powers else ""

    def sign(self, record: object, near: Near, parts: Parts) -> str:
        word = self.language["signs"][parts["sign"]]
        if near.word_before() == word.lower():  # Copyright ©
            return ""
        beside = not word.strip(",") or near.text[near.start - 1 : near.start] in tuple('"“„«')
        return f"{word} " if beside else f" {word} "

    def variable(self, number: Number | str, near: Near, parts: object) -> str:
        """Says $1, and the sign of $HOME."""
        name = names.money("$", self.language).single
        return f"{name} {self.say(number) if isinstance(number, Number) else ''}"

    def greek(self, record: object, near: Near, parts: object) -> str:
        return self._greek(near.text[near.start : near.end])

    def _greek(self, letter: str) -> str:
        name = unicodedata.name(letter).rpartition("LETTER ")[2].split()[0].lower()
        return str(self.language.get("greek", {}).get(name, name))
