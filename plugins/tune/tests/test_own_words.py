"""The names that help as own words: those that the rule of listening mends, and that make nothing else wrong."""

from __future__ import annotations

import pytest

pytest.importorskip("jiwer", reason="what counts wrong words is an extra")
pytest.importorskip("whisper_normalizer", reason="what makes texts alike is an extra")
pytest.importorskip("numpy", reason="the rule is a worker's")

from hushd_tune.own_words import helpful
from hushd_tune.words import normaliser


@pytest.mark.parametrize(("language", "said", "heard", "names"), [
    # A name in two words, a term without a capital, one behind a full stop; what was heard right is not named.
    ("en", "So Giancarlo Fisichella met Ann.", "So John Carlo Fisiquela met Ann.", ["Giancarlo Fisichella"]),
    ("en", "We run kubernetes. Bhattacharya left.", "We run cooper net ease. Bada Charya left.", [
        "kubernetes", "Bhattacharya",
    ]),
    # A word that English has stays, and so does what sounds otherwise.
    ("en", "Ask Claude about it.", "Ask cloud about it.", []),
    ("en", "We saw Kowalczyk there.", "We saw an elephant there.", []),
    # Only capitals are known of other languages.
    ("pt", "Ontem Fisichella venceu.", "Ontem Fisikella venceu.", ["Fisichella"]),
    ("en", "Nothing was misheard.", "Nothing was misheard.", []),
    ("en", "We saw Kowalczyk.", "", []),
])  # fmt: skip
def test_names_that_help(language: str, said: str, heard: str, names: list[str]) -> None:
    """Names of several words come together, and each becomes right."""
    assert helpful([said], [heard], language, normaliser(language)) == names


def test_a_name_that_makes_another_sentence_wrong_is_left_out() -> None:
    """Even where it would mend more of them, since it would be written for a name that sounds like it."""
    said = ["We saw Katherine there.", "Katherine left.", "We saw Catharina there.", "It is by Bhattacharya."]
    heard = ["We saw Katarine there.", "Katarine left.", "We saw Catharina there.", "It is by Bada Charya."]
    assert helpful(said, heard, "en", normaliser("en")) == ["Bhattacharya"]
