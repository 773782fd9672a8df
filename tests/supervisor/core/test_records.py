"""Actions and events are values: a decision does not change on its way to whoever carries it out."""

from __future__ import annotations

import math

from hushd_supervisor import core
from hushd_supervisor.core.worker.crashes import BACKOFF_S
from support.records import changeable, defaults, records

STATES = {
    "ActiveRequest", "Claim", "Crashes", "_Describe", "_Unload",
}  # fmt: skip


def test_only_states_change() -> None:
    """A slip of the pen in one of them is an error all the same."""
    changing = {kind.__name__: changeable(kind) for kind in records(core) if changeable(kind)}
    assert changing.keys() == STATES
    assert not any("no_such_field" in names for names in changing.values())


def test_a_state_begins_with_nothing() -> None:
    """These are the exceptions: no time has come, and a whole input is there."""
    assert defaults(records(core)) == {
        "Claim.until": math.inf, "ActiveRequest.deadline": math.inf, "ActiveRequest._input_complete": True,
        "Crashes._delay": BACKOFF_S,
    }  # fmt: skip
