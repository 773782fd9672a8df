"""Tests of lengths of time as people write them."""

from __future__ import annotations

import math

import pytest
from hushd_protocol import duration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0.0), (300, 300.0), (0.5, 0.5), ("300", 300.0), ("0", 0.0), (".5", 0.5), (" 7 ", 7.0),
        ("90s", 90.0), ("5m", 300.0), ("1h30m", 5400.0), ("1.5h", 5400.0), ("250ms", 0.25), ("2us", 2e-6), ("+3s", 3.0),
        ("5.", 5.0), ("10µs", 1e-5), ("10μs", 1e-5), ("5ns", 5e-9), ("-0m", 0.0), ("-1h30m", -1.0),
        (-1, -1.0), (-0.1, -1.0), ("-1", -1.0), ("-5m", -1.0),
    ],
)  # fmt: skip
def test_numbers_and_strings_both_mean_seconds(value: object, seconds: float) -> None:
    """Numbers, strings of numbers and strings with units are taken; whatever is negative means for ever."""
    assert duration.parse(value) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"), (0.5, "0.5s"), (60.0, "60s"), (90.0, "90s"), (300.0, "5m"), (3600.0, "60m"), (86400.0, "24h"),
        (-1.0, "-1"),
    ],
)  # fmt: skip
def test_a_length_is_shown_in_the_largest_unit_of_which_there_are_several(seconds: float, text: str) -> None:
    """The length shown is read as the same length again."""
    assert duration.shown(seconds) == text
    assert duration.parse(text) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "soon", "5 minutes", "5x", "m", "1e3", "1h 30m", "1h-30m", "0x10", "1_000", ".", "--1", "٣s", True,
        None, [], math.nan, math.inf,
    ],
)  # fmt: skip
def test_what_is_no_length_of_time_is_none(value: object) -> None:
    """Nothing is guessed."""
    assert duration.parse(value) is None
