"""Italian: the forms that a table cannot say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hushd_reading import gender, spellout
from hushd_reading.near import Near, Parts
from hushd_reading.parse import Amount, Number, Time

if TYPE_CHECKING:
    from hushd_reading.verbalise import Verbaliser


_TWENTY_ONE = re.compile(r"(?<=nt|to|le)una\b")


def denominator(value: int) -> tuple[str, str]:
    name = spellout.ordinal(value, "it")
    return name, f"{name[:-1]}i"


def say_ordinal(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    noun = near.word_after()
    feminine = noun not in near.language.words("not_nouns") and gender.of(noun, "it") == "f"  # II Guerra; il 1° e il 2°
    mark = parts.get("mark", "").strip(".°") or "ª" * feminine
    return spellout.ordinal(int(number.whole), "it", "f" if mark == "ª" else "m")


def say_century(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    return spellout.ordinal(int(number.whole), "it")


def say_ruler(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    name = near.before.rsplit(" ", 1)[-1]
    return spellout.ordinal(int(number.whole), "it", "f" if name.endswith("a") and name != "Andrea" else "m")


def say_time(verbaliser: Verbaliser, time: Time, near: Near, parts: Parts) -> str:
    """Says one o'clock in the feminine, and no other hour: l'una, le ventuno."""
    return _TWENTY_ONE.sub("uno", verbaliser.time(time, near, parts))


def _joined(words: str) -> str:
    """Returns words as they are spelled: un'ora, ventuno ore, cinquemila."""
    return _TWENTY_ONE.sub("uno", re.sub(r"\buna (?=[aeiou])", "un'", words)).replace(" mila", "mila")


def say_measure(verbaliser: Verbaliser, amount: Amount, near: Near, parts: Parts) -> str:
    return _joined(verbaliser.measure(amount, near, parts))


def say_money(verbaliser: Verbaliser, amount: Amount, near: Near, parts: Parts) -> str:
    return _joined(verbaliser.money(amount, near, parts))


def say_duration(verbaliser: Verbaliser, record: object, near: Near, parts: Parts) -> str:
    return _joined(verbaliser.duration(record, near, parts))


def say_cardinal(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    if number.whole == "1" and re.search(r"(?<!\w)all'\Z", near.text[: near.start]):  # the hour of the clock
        return "una"
    return _joined(verbaliser.cardinal(number, near, parts))
