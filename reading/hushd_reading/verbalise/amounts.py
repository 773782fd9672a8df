"""Says amounts: money, measures, dimensions, rates."""

from __future__ import annotations

import re

from hushd_reading import gender, names
from hushd_reading.near import Near, Parts
from hushd_reading.parse import Amount, Number, number
from hushd_reading.shapes import LENGTHS, VULGAR

from .numbers import Numbers

# A fraction that is less than one, right before its unit.
_PART = re.compile(rf"(?<!\w)(?<!\d[ \u00a0\u202f\u2009-])(?:(?P<half>½|1[/⁄]2)|[{VULGAR}]|\d+[/⁄]\d+)\s?\Z")
_NAMED, _NAME = re.compile(r"\b[^\W\d_a-zß-ÿ]\w+ \Z"), re.compile(r" [^\W\d_a-zß-ÿ]\w")
_RAISED = "¹²³⁴⁵⁶⁷⁸⁹"


class Amounts(Numbers):
    """Says money and measures."""

    def money(self, amount: Amount, near: Near, parts: object) -> str:
        language, money = self.language, names.money(amount.unit, self.language)
        if amount.until and money.coins and 2 in (len(amount.number.places), len(amount.until.places)):
            sides = (amount._replace(number=side, until=None) for side in (amount.number, amount.until))
            return self.to(near).join(self.money(side, near, parts) for side in sides)  # $50.00-$100.00
        last, single = amount.until or amount.number, money.single if self.attributive(near) else ""
        first = f"{self.say(amount.number, money.gender)}{self.to(near)}" if amount.until else ""
        if last.scale:
            name = self._of(money.plural) if self.is_noun(last.scale) else single or money.plural
            return f"{first}{self.say(last, money.gender)} {name}{self.per(amount.per)}"
        coins = amount.coins or (last.places if len(last.places) == 2 and money.coins else "")
        if len(last.places) == 1 and not amount.until and money.coins and language["number.decimal"] == ".":
            coins = f"{last.places}0"  # $20.5
        whole = last._replace(places="") if coins or last.places == "00" else last
        name = money.single if self.single(whole) else (not coins and single) or money.plural
        if whole.is_whole and whole.value and whole.value % 10**6 == 0:
            name = self._of(money.plural)  # dois milhões de reais
        spoken = f"{first}{self.say(whole, money.gender)} {name}"
        small = Number(coins.lstrip("0") or "0")
        if small.value:
            coin = money.coins[not self.single(small)]
            cents = f"{self.say(small, gender.of(coin, language.code))} {coin}"
            sign = f"{language['signs'][whole.sign]} " if whole.sign else ""
            alone = not whole.value and not first
            spoken = sign + cents if alone else language["money.form"].format(spoken, cents, self.say(small))
        return spoken + self.per(amount.per)

    def _of(self, name: str) -> str:
        """Returns the name of money behind millions: de pesos, d'euros."""
        elided = self.language.get("money.of_elided")
        template = elided if elided and name[0] in "aeiouhyéè" else self.language.get("money.of", "{}")
        return str(template.format(name))

    def measure(self, amount: Amount, near: Near, parts: object) -> str:
        language, last = self.language, amount.until or amount.number
        name = names.unit(amount.unit, language, (self.single(last) or self.attributive(near)) and not last.scale)
        noun = name.split()[0]
        single = names.unit(amount.unit, language, True).split()[0]
        of = None if noun in language.words("not_nouns") else names.noun_gender(single, language)
        words = self.say(last, of, self._case(near)) if last.is_whole else self.say(last)
        if amount.until:
            words = f"{self.say(amount.number, of)}{self.to(near)}{words}"
        return f"{words} {self._of(name) if last.scale and self.is_noun(last.scale) else name}{self.per(amount.per)}"

    def compound(self, size: Number, near: Near, parts: Parts) -> str:
        """Says a measure that describes a noun, as in a 5-km run and a 4 x 100-m-Lauf."""
        times = f"{self.whole(parts['times'])} {self.language['number.times']} " if "times" in parts else ""
        unit = names.unit(parts["unit"], self.language, self.language["units.compound"] == "single")
        return f"{times}{self.say(size)}-{unit}"

    def unit(self, record: object, near: Near, parts: Parts) -> str:
        """Says a unit that has no number right before: 2½ kg, a few km; trois quarts de kilogramme, per km."""
        part = _PART.search(near.text[: near.start])
        single = part is not None or near.word_before() in self.language.words("units.single")
        name = names.unit(parts["unit"], self.language, single)
        if part is None:
            return name + self.per(parts.get("per", ""))
        if of := self.language.get("fraction.of"):
            return str(of.format(name))
        return name if part["half"] else self._of(name)

    def dimension(self, record: object, near: Near, parts: Parts) -> str:
        """Says 5 x 10 cm and 1920x1080; two small numbers alone are a product."""
        power = near.after.lstrip()[:1] in ("^", "⁻", *_RAISED)
        point = self.language["number.decimal"] if power else "."  # 3.155 x 10^7 has no thousands
        written = (
            re.sub(r"\.(?=\d{3}\Z)", point, parts[name]) for name in ("number", "until", "third") if name in parts
        )
        sizes = [number(size, self.language) for size in written]
        small = "x" not in near.text[near.start : near.end].lower() and len(sizes[0].whole) < 3
        length = re.fullmatch(LENGTHS, parts.get("unit", "m"))
        product = not length or ("unit" not in parts and (small or power or near.after.lstrip().startswith(("=", "?"))))
        word = self.language["number.times" if product else "number.by"]
        teams = _NAMED.search(near.text[: near.start]) and _NAME.match(near.after)  # Flamengo 2 x 1 Palmeiras
        if "unit" not in parts and (teams or near.cued("score")):
            word = self.language.get("number.score") or word  # ganhou por 3x0
        of = self.language.get("number.times_gender", None) if product else None
        spoken = f" {word} ".join(self.say(size, of if size is sizes[0] else None) for size in sizes)
        unit = f" {names.unit(parts['unit'], self.language, self.single(sizes[-1]))}" if "unit" in parts else ""
        return spoken + unit
