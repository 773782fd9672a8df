"""Spanish: the forms that a table cannot say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hushd_reading import gender, names, spellout
from hushd_reading.near import Near, Parts
from hushd_reading.parse import Fraction, Number, Time

if TYPE_CHECKING:
    from hushd_reading.verbalise import Verbaliser


def denominator(value: int) -> tuple[str, str]:
    name = re.sub("(?<=un)o$|a$", "", spellout.cardinal(value, "es").replace(" y ", "i").replace(" ", "")) + "avo"
    return name, f"{name}s"


def say_ordinal(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    """Says 1.º, 1.ª and 1.er; before a masculine noun it is shortened."""
    mark, noun = parts.get("mark", "").strip(".°"), names.noun_after(near)
    mark = mark or "a" * (gender.of(noun, "es") == "f") or "o"  # II Guerra Mundial
    form, plural = "f" if mark.rstrip("s")[-1] in "ªa" else "m", mark.endswith("s")
    short = mark in ("er", "er.") or noun[:1].islower() or (noun and not (parts.get("mark") and near.before))
    case = "adjective" if short and form == "m" and not plural else None
    return spellout.ordinal(int(number.whole), "es", form, case, plural=plural)


def say_fraction(verbaliser: Verbaliser, fraction: Fraction, near: Near, parts: Parts) -> str | None:
    """Says a half before a noun: media taza, medio kilo."""
    noun = names.noun_after(near)
    if (fraction.whole, fraction.part, fraction.of) != (None, 1, 2) or not noun:
        return None
    return "media" if gender.of(noun, "es") == "f" else "medio"


def say_time(verbaliser: Verbaliser, time: Time, near: Near, parts: Parts) -> str | None:
    """Says 1:00 without its hour: a la una; and the half of the day by the hour."""
    if time.hour == 1 and not time.minute and near.text[near.start : near.end].endswith(":00"):
        return "una"
    if time.noon != "pm" or time.until or 1 <= time.hour < 8:
        return None
    spoken = verbaliser.time(time._replace(noon="am"), near, parts).removesuffix("de la mañana")
    return f"{spoken}{'del mediodía' if time.hour == 12 else 'de la noche'}"
