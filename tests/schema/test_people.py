"""People who are known by their voice: what a name is, and what a voiceprint."""

from __future__ import annotations

import base64

import pytest
from hushd_schema.kinds import check
from hushd_schema.results import _NUMBERS, MAX_PEOPLE, VOICEPRINT_MODEL, People, is_name, is_voiceprint
from support.refusals import hushd_error

PRINT = f"{VOICEPRINT_MODEL}:{base64.b64encode(bytes(2 * _NUMBERS)).decode()}"


@pytest.mark.parametrize("name", ["Ann", "Søren Kierkegaard", "李", "d'Artagnan", "R2"])
def test_a_name_is_a_line_of_visible_text(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", " Ann", "Ann ", "An\nn", "An\0n", "SPEAKER_00", "speaker_1", "e\u0301", "x" * 1000, 1]
)
def test_what_a_terminal_or_a_label_would_confuse_is_no_name(name: object) -> None:
    assert not is_name(name)


def test_a_voiceprint_is_of_one_model_and_whole() -> None:
    """One of another model would be near to nobody, or to anybody."""
    assert is_voiceprint(PRINT)
    for wrong in (
        PRINT[:-4],
        PRINT[:-4] + "====",
        PRINT + "AAAA",
        "other:" + PRINT.partition(":")[2],
        PRINT + "é",
        "",
        None,
    ):
        assert not is_voiceprint(wrong), wrong


@pytest.mark.parametrize(("people", "fits"), [
    ({}, True), ({"Ann": PRINT}, True),
    ({f"P{number}": PRINT for number in range(MAX_PEOPLE)}, True),
    ({f"P{number}": PRINT for number in range(MAX_PEOPLE + 1)}, False),
    ({"Ann": PRINT, "Ben": "no"}, False), ({"": PRINT}, False), ([("Ann", PRINT)], False),
])  # fmt: skip
def test_people_are_a_table_of_names_and_voiceprints(people: object, fits: bool) -> None:
    """At most 64 of them; nothing else is."""
    if fits:
        assert check("people", people, People) == people
        return
    with hushd_error("bad_request", has="people must be a table of at most 64 names, each with a voiceprint of"):
        check("people", people, People)
