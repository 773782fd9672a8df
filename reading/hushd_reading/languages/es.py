"""Spanish: the forms that a table cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd_reading import spellout
from hushd_reading.near import Near, Parts
from hushd_reading.parse import Number, Time

if TYPE_CHECKING:
    from hushd_reading.verbalise import Verbaliser


def denominator(value: int) -> tuple[str, str]:
    name = spellout.cardinal(value, "es").replace(" ", "").removesuffix("e").removesuffix("a").removesuffix("o") + "avo"
    return name, f"{name}s"


def say_ordinal(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    """Says 1.º, 1.ª and 1.er; before a masculine noun it is shortened."""
    mark, noun = parts["mark"].strip("."), near.word_after()
    gender = "f" if mark[0] in "ªa" else "m"
    short = mark == "er" or (noun and noun.casefold() not in near.language.words("not_nouns"))
    return spellout.ordinal(int(number.whole), "es", gender, "adjective" if short and gender == "m" else None,
                            plural=mark.endswith("s"))  # fmt: skip


def say_ruler(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str | None:
    value, name = int(number.whole), near.before.rsplit(" ", 1)[-1]
    feminine = name.endswith(("a", "bel"))
    return spellout.ordinal(value, "es", "f" if feminine else "m") if value <= 10 else None


def say_time(verbaliser: Verbaliser, time: Time, near: Near, parts: Parts) -> str | None:
    """Says 1:00 without its hour: a la una."""
    return "una" if time.hour == 1 and not time.minute and near.text[near.start : near.end].endswith(":00") else None
