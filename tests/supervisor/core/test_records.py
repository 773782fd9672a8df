"""Actions and events are values: a decision does not change on its way to whoever carries it out."""

from __future__ import annotations

from hushd_supervisor import core
from support.records import changeable, records

STATES = {
    "ActiveRequest", "Claim", "Connection", "Crashes", "Process", "Shortage", "_Describe", "_Release", "_Unload",
}  # fmt: skip


def test_only_states_change() -> None:
    """A slip of the pen in one of them is an error all the same."""
    changing = {kind.__name__: changeable(kind) for kind in records(core) if changeable(kind)}
    assert changing.keys() == STATES
    assert not any("no_such_field" in names for names in changing.values())
