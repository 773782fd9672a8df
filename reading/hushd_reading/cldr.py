"""Names of units and money, which CLDR has (Babel), in the singular and plural.

Babel keeps 5 MB a language; of these only the names stay here. Its files are read without its modules, which cost 7 ms
before the first word.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple


class _Names(NamedTuple):
    units: dict[str, tuple[str, str]]  # singular and plural
    money: dict[str, tuple[str, str]]


def unit(name: str, language: str, single: bool) -> str | None:
    """Returns a unit in full, by CLDR's name, such as `length-meter`; else None."""
    forms = _names(language).units.get(name)
    return forms and forms[not single]


def currency(code: str, language: str, single: bool) -> str | None:
    """Returns the name of money, by its code of ISO 4217; None without one."""
    forms = _names(language).money.get(code)
    return forms and forms[not single]


@cache
def _names(language: str) -> _Names:
    """Returns the names of a language or, with a country's own in place of its language's, of a tag."""
    spec = find_spec("babel")
    assert spec
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "locale-data"
    code, _, country = language.replace("-", "_").partition("_")
    tags = [code, *([f"{code}_{country.upper()}"] if country else [])]
    files = [file for tag in tags if (file := folder / f"{tag}.dat").exists()]
    tables = [_Table(io.BytesIO(file.read_bytes())).load() for file in files]
    names = _Names({}, {})
    for table in tables:
        for name, widths in table["unit_patterns"].items():
            if pair := _pair(widths.get("long", {})):
                names.units[name] = pair
        names.money.update({name: (single, single) for name, single in table["currency_names"].items()})
        for name, patterns in table["currency_names_plural"].items():
            if pair := _pair(patterns):
                names.money[name] = pair
    if code == "pt":  # Brazil's have a capital
        for name, (single, plural) in names.money.items():
            names.money[name] = single[:1].lower() + single[1:], plural[:1].lower() + plural[1:]
    return names


class _Unused:
    """An object of Babel's in place of which nothing is needed here."""

    def __setstate__(self, state: object) -> None:
        """Forgets what it was."""


class _Table(pickle.Unpickler):
    """A file of Babel's, of which only texts are read: nothing is imported."""

    def find_class(self, module: str, name: str) -> type[_Unused]:
        return _Unused


def _pair(forms: Mapping[str, str]) -> tuple[str, str] | None:
    """Returns a name in the singular and plural, without the number's place."""
    if not (several := forms.get("other")):
        return None
    pair = (forms.get("one", several), several)
    single, plural = (form.replace("{0}", "").replace("\u00a0", " ").strip() for form in pair)
    return single, plural
