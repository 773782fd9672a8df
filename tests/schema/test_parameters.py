"""Bounds and defaults of parameters: a value just inside a bound fits, and one just outside is refused."""

from __future__ import annotations

from typing import Any

import pytest
from golden import golden
from hushd_schema.operations.decoder import DECODER
from hushd_schema.operations.transcribe import TRANSCRIBE

FIELDS = {**TRANSCRIBE.fields, **DECODER.fields}


@pytest.mark.parametrize(
    ("name", "fits", "refused"),
    [
        ("clips", [[], [0], [0, 1.5], [0, 1, 2]], [[-1], [1, 1], [2, 1], [0, "1"], [True], "0,1", (0, 1), None]),
        ("suppress_tokens", [[], [-1], [3, 7]], [[1.0], [True], ["1"], "-1", (1,), None]),
        ("temperature_increment", ["off", 0.01, 1], [0, 0.009, 1.01, "on", True, float("inf")]),
        ("compression_ratio_threshold", ["off", 0, 1000], [-0.1, 1000.1, "on", True, float("inf")]),
        ("logprob_threshold", ["off", -1000, 0], [-1001, 0.1, "on", False]),
        ("no_speech_threshold", ["off", 0, 1], [-0.1, 1.1, "on", True]),
        ("hallucination_silence_threshold", [0, 3600], [-0.1, 3600.1, "off", True]),
    ],
)
def test_a_parameter_takes_what_is_within_its_bounds(name: str, fits: list[Any], refused: list[Any]) -> None:
    """Times of clips ascend, so none is there twice; a switch is not a number."""
    kind = FIELDS[name].kind
    assert [value for value in fits if not kind.fits(value)] == []
    assert [value for value in refused if kind.fits(value)] == []


def test_bounds_and_defaults_change_on_purpose_only() -> None:
    """Clients of older releases send values within them, and rely on defaults; each kind keeps its word."""
    assert [*golden.of_parameters(), ""] == (golden.FOLDER.parent / "schema/parameters.txt").read_text().split("\n")
