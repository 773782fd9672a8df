"""English: the forms that a table cannot say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hushd_reading import names, spellout
from hushd_reading.near import Near, Parts
from hushd_reading.parse import Number, Time

if TYPE_CHECKING:
    from hushd_reading.verbalise import Verbaliser


def is_year(number: str, near: Near) -> bool:
    """A number of 1100 to 2099 is one, unless it counts the word behind it."""
    following = near.word_after()
    counts = following.endswith("s") and following.islower() and following not in near.language.words("no_plurals")
    return 1100 <= int(number) < 2100 and not counts and not near.cued("label")


def denominator(value: int) -> tuple[str, str]:
    name = spellout.ordinal(value, "en").removeprefix("one ")
    return name, f"{name}s"


def say_part_of(verbaliser: Verbaliser, record: object, near: Near, parts: Parts) -> str:
    """Says a part of a unit: nine sixteenths of an inch, half a cup."""
    part, of, unit = int(parts["first"]), int(parts["second"]), parts["unit"].rstrip(".")
    known = unit in names.unit_signs(near.language)
    unit = names.unit(unit, near.language, True) if known else re.sub("(?<=ch)es$|s$", "", unit.replace("feet", "foot"))
    single = f"{'an' if unit[0] in 'aio' or unit == 'hour' else 'a'} {unit}"
    if part == 1 and of == 2:
        return f"half {single}"
    part_name = "quarter" if of == 4 else spellout.ordinal(of, "en")
    if part == 1:
        return f"{'an' if part_name[0] == 'e' else 'a'} {part_name} of {single}"
    return f"{spellout.cardinal(part, 'en')} {part_name}s of {single}"


def say_decade(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    """Says 1990s and 90s: nineteen nineties, nineties."""
    spoken: str = spellout.year(int(number.whole), "en")
    return spoken[:-1] + "ies" if spoken.endswith("y") else f"{spoken}s"


def say_street(verbaliser: Verbaliser, record: object, near: Near, parts: Parts) -> str:
    """Says Street and Drive behind a name or an ordinal, as in Elm St. and 5th Ave, else Saint and Doctor."""
    word, street = near.before.rsplit(" ", 1)[-1], parts["street"]
    is_name = word[:1].isupper() and word.removesuffix("'s").isalpha() and word not in near.language.words("no_names")
    if (is_name or word[:-2].isdecimal()) and not (street in ("St", "Dr") and near.word_after()[:1].isupper()):
        return str(near.language["streets"][street])
    return {"St": "Saint", "Dr": "Doctor"}.get(street, street)


def say_abbreviation(verbaliser: Verbaliser, record: object, near: Near, parts: Parts) -> str | None:
    """Tells Saint from Street, and Doctor from Drive, by the words beside them."""
    written = parts.get("name", "").rstrip(".")
    return say_street(verbaliser, record, near, {"street": written}) if written in ("St", "Dr") else None


def say_shout(verbaliser: Verbaliser, record: object, near: Near, parts: Parts) -> str:
    """Says a word in capitals that no name is, which engines would spell."""
    return str(near.text[near.start : near.end].lower())


def say_time(verbaliser: Verbaliser, time: Time, near: Near, parts: Parts) -> str:
    if near.after.lstrip().startswith("o'clock") and not time.minute:
        return spellout.cardinal(time.hour, "en")
    clock = verbaliser.time(time, near, parts)
    return clock.replace("zero o'clock", "midnight") if parts["hour"] == "00" else clock


def say_feet(verbaliser: Verbaliser, record: object, near: Near, parts: Parts) -> str:
    """Says 6'2\" in feet and inches."""
    feet, inches = int(parts["minutes"]), int(parts["seconds"])
    spoken = f"{spellout.cardinal(feet, 'en')} {'foot' if feet == 1 else 'feet'}"
    return f"{spoken} {spellout.cardinal(inches, 'en')} {'inch' if inches == 1 else 'inches'}" if inches else spoken
