"""Records that JSON cannot hold, and the labels of speakers."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hushd_schema.record import Record
from hushd_schema.results import is_label


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
