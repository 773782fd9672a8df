"""Names of CLDR's: months, units, money."""

from __future__ import annotations

import pytest
from hushd_reading import cldr
from hushd_reading.language import ready
from hushd_reading.spellout import LANGUAGES

UNITS = [
    ("fr", "energy-kilowatt-hour", ("kilowatt-heure", "kilowatt-heures")), ("es", "length-meter", ("metro", "metros")),
    ("pt", "length-kilometer", ("quilômetro", "quilômetros")),
    ("pt-PT", "length-kilometer", ("quilómetro", "quilómetros")),
    ("it", "speed-kilometer-per-hour", ("chilometro orario", "chilometri orari")), ("en", "mass-nothing", (None, None)),
]  # fmt: skip


@pytest.mark.parametrize(("language", "name", "forms"), UNITS)
def test_a_unit_has_a_name_for_one_and_for_several(
    language: str, name: str, forms: tuple[str | None, str | None]
) -> None:
    """A country's names stand in place of its language's."""
    assert (cldr.unit(name, language, True), cldr.unit(name, language, False)) == forms


def test_tables_that_another_program_part_has_loaded_change_nothing() -> None:
    """A table that the package keeps merged for others is not taken for the language's own."""
    from babel import Locale

    cldr._names.cache_clear()
    assert Locale("de").months["format"]["wide"][3] == "März"
    assert cldr.currency("EUR", "de", False) == "Euro"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_months_and_money(language: str) -> None:
    """No name is missing, and none has the place of a number in it."""
    names = [*(months := ready(language)["months-wide"]), *ready(language)["months-abbreviated"]]
    names += [
        str(cldr.currency(code, language, single))
        for code in ("EUR", "CHF", "SEK", "PLN", "INR")
        for single in (True, False)
    ]
    assert len(set(months)) == 12
    assert all(name and "{" not in name and name != "None" for name in names)


def test_money_is_in_lower_case_but_in_german() -> None:
    """Brazil's names lose the capital that CLDR gives them."""
    assert [cldr.currency("SEK", each, False) for each in ("pt-BR", "de")] == ["coroas suecas", "Schwedische Kronen"]
