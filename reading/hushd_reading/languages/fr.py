"""French: the forms that a table cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hushd_reading import spellout
from hushd_reading.near import Near, Parts
from hushd_reading.parse import Amount, Number

if TYPE_CHECKING:
    from hushd_reading.verbalise import Verbaliser


def denominator(value: int) -> tuple[str, str]:
    name = spellout.ordinal(value, "fr", "m")
    return name, f"{name}s"


def say_ordinal(verbaliser: Verbaliser, number: Number, near: Near, parts: Parts) -> str:
    """Says 1er, 1re, 2nd and 3e, with the plural that is written."""
    mark, value = parts["mark"], int(number.whole)
    form = "f" if mark.rstrip("s") in ("re", "ère", "nde") else "m"
    if mark.startswith("nd"):
        return ("seconde" if "de" in mark else "second") + "s" * mark.endswith("s")
    return spellout.ordinal(value, "fr", form, plural=mark.endswith("s"))


def say_height(verbaliser: Verbaliser, record: object, near: Near, parts: Parts) -> str:
    """Says 1m80: un mètre quatre-vingts."""
    return _height(parts["meters"], parts["rest"])


def say_measure(verbaliser: Verbaliser, amount: Amount, near: Near, parts: Parts) -> str | None:
    """Says 1,80 m as a height."""
    meters = amount.number
    is_height = parts["unit"] == "m" and 1 <= meters.value < 10 and len(meters.places) == 2
    plain = is_height and not (amount.until or amount.per or meters.sign or meters.scale)
    return _height(meters.whole, meters.places) if plain else None


def _height(meters: str, rest: str) -> str:
    return f"{spellout.cardinal(int(meters), 'fr')} mètre{'s' * (int(meters) > 1)} {spellout.digits(rest, 'fr', 2)}"


def say_title(verbaliser: Verbaliser, record: object, near: Near, parts: Parts) -> str:
    written = near.text[near.start : near.end]
    return str(near.language["titles"].get(written, written))
