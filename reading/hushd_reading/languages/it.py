"""Italian: the forms that a table cannot say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hushd_reading import gender, names, spellout
from hushd_reading.near import Near, Parts
from hushd_reading.parse import Number

if TYPE_CHECKING:
    from hushd_reading.verbalise import Verbaliser


def denominator(value: int) -> tuple[str, str]:
    name = spellout.ordinal(value, "it")
    return name, f"{name[:-1]}i"


def say_ordinal(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    feminine = gender.of(names.noun_after(near), "it") == "f"  # II Guerra; il 1° e il 2°
    ends = (parts.get("mark", "").strip(".°") or "ª" * feminine)[-1:]  # 13esima has one
    return spellout.ordinal(int(number.whole), "it", "f" if ends in tuple("ªae") else "m", plural=ends in tuple("ie"))


def elided(words: str) -> str:
    """Returns words as they are spelled: un'ora, l'una e trenta, le ventuno, cinquemila."""
    words = re.sub(r"\buna (?=[aiou])", "un'", words).replace(" mila", "mila")
    return re.sub(r"(?<=nt|to|le)una\b", "uno", words)


def say_cardinal(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str | None:
    hour = number.whole == "1" and re.search(r"(?<!\w)all'\Z", near.text[: near.start])
    hard = number.whole == "1" and re.match(r" (?:z|s[^aeiou\W]|ps|gn)\w*[aeio]\b", near.after)
    return None if number.sign else "una" if hour else "uno" if hard else None
