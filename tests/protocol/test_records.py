"""Messages are values: they do not change, and each field is given by its name."""

from __future__ import annotations

import hushd_protocol
from support.records import changeable, defaults, has_names, records


def test_messages_are_values() -> None:
    """All other records are values, too, but for errors, which are raised."""
    kinds = [kind for kind in records(hushd_protocol) if not issubclass(kind, Exception)]
    assert len(kinds) > 30
    assert [kind for kind in kinds if changeable(kind)] == []
    assert [kind for kind in kinds if ".messages." in kind.__module__ and not has_names(kind)] == []


def test_to_leave_a_field_out_says_nothing() -> None:
    """These are the exceptions: each side may have left out whatever the other, of another version, reads."""
    assert defaults(records(hushd_protocol)) == {
        "Control.for_s": -1.0, "Claim.priority": "text", "Ready.slots": 1, "Request.input": "inline",
        "Request.priority": "text", "Job.input": "inline", "Cgroup.version": 2,
    }  # fmt: skip
