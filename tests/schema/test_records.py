"""Results and states are values: they do not change, and each field is given by its name."""

from __future__ import annotations

import hushd_schema
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
