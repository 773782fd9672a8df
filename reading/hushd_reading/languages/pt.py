"""Portuguese: the forms that a table cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd_reading import gender, names, spellout
from hushd_reading.near import Near, Parts
from hushd_reading.parse import Number

if TYPE_CHECKING:
    from hushd_reading.verbalise import Verbaliser


def denominator(value: int) -> tuple[str, str]:
    name = f"{spellout.cardinal(value, 'pt')} avos"
    return name, name


def say_ordinal(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    feminine = gender.of(names.noun_after(near), "pt") == "f"  # II Guerra
    mark = parts.get("mark", "").strip(".°") or ("a" if feminine else "o")
    return spellout.ordinal(int(number.whole), "pt", "f" if mark[0] in "ªa" else "m", plural=mark.endswith("s"))
