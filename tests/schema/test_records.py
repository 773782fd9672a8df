"""Results and states are values: they do not change, and each field is given by its name."""

from __future__ import annotations

from dataclasses import dataclass

import hushd_schema
import pytest
from hushd_schema.record import Record
from hushd_schema.results import is_label
from support.records import changeable, defaults, has_names, records

NAMED = ("description", "operations", "results", "status")


def test_records_are_values() -> None:
    """Settings, too; those that others make and read have names for their fields."""
    kinds = records(hushd_schema)
    assert len(kinds) > 40
    assert [kind for kind in kinds if changeable(kind)] == []
    named = [kind for kind in kinds if kind.__module__.split(".")[1] in NAMED]
    assert [kind for kind in named if not has_names(kind)] == []
    assert defaults(named) == {}  # to leave a field out means no, none or nothing


@dataclass(frozen=True)
class Unwritable(Record):
    times: set[float]


def test_a_record_of_what_json_cannot_hold_is_a_mistake_of_ours() -> None:
    """Whoever declares it hears of it at the first answer."""
    with pytest.raises(TypeError, match=r"^a record has no rule for set\[float\]$"):
        Unwritable.from_data({})


@pytest.mark.parametrize(("speaker", "label"), [("SPEAKER_00", True), ("SPEAKER", False), ("Ann", False), ("", False)])
def test_an_unknown_speaker_has_a_label(speaker: str, label: bool) -> None:
    assert is_label(speaker) == label
