"""French: the forms that a table cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd_reading import spellout
from hushd_reading.near import Near, Parts
from hushd_reading.parse import Number

if TYPE_CHECKING:
    from hushd_reading.verbalise import Verbaliser


def denominator(value: int) -> tuple[str, str]:
    name = spellout.ordinal(value, "fr", "m")
    return name, f"{name}s"


def say_ordinal(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    """Says 1er, 1re, 2nd and 3e, with the plural that is written."""
    mark, value = parts["mark"], int(number.whole)
    gender = "f" if mark.rstrip("s") in ("re", "ère", "nde") else "m"
    if mark.startswith("nd"):
        return ("seconde" if "de" in mark else "second") + "s" * mark.endswith("s")
    return spellout.ordinal(value, "fr", gender, plural=mark.endswith("s"))
