"""`hushd status` for people: what its cells say."""

from __future__ import annotations

import pytest
from hushd.reports.status_table import table
from hushd_schema.status import Status

STATUS = {
    "supervisor": {"version": "1", "pid": 2, "uptime_s": 3.0, "rss_mb": 20.0},
    "memory": {"used_mb": 1.0, "budget_mb": 2.0, "available_mb": 3.0, "pressure": ""},
}


@pytest.mark.parametrize(
    ("row", "cell"),
    [({"running": 3, "sessions": 2}, "1 + 2 live"), ({"running": 1, "sessions": 0}, "1"), ({"running": 1}, "1")],
)
def test_who_speaks_is_counted_apart(row: dict[str, int], cell: str) -> None:
    """Running requests are shown as files and live sessions; an older supervisor does not tell them apart."""
    status = Status.from_data(STATUS | {"workers": [{"name": "stt/a/x", "state": "busy", **row}]})
    lines = table(status, 200).splitlines()
    assert lines[-1].split("  ")[0] == "stt/a/x"
    end = lines[-2].index("RUNNING") + len("RUNNING")
    assert lines[-1][:end].endswith(f" {cell}")


def test_another_machine_is_named() -> None:
    """The first line says which one was asked; of this one it says nothing."""
    status = Status.from_data(STATUS | {"workers": []})
    assert " on desk, pid " in table(status, 200, "desk").splitlines()[0]
    assert " on " not in table(status, 200).splitlines()[0]


def test_programs_are_named_beside_their_worker() -> None:
    """Names come from outside: control sequences are shown, not sent."""
    row = {"name": "stt/a/x", "state": "busy", "programs": ["say", "evil\x1b[2J"]}
    (line,) = table(Status.from_data(STATUS | {"workers": [row]}), 200).splitlines()[-1:]
    assert line.endswith("  say, evil\\x1b[2J")
