"""`hushd status` for people: what its cells say."""

from __future__ import annotations

import pytest
from hushd.reports.status_table import card_line, table
from hushd_schema.status import CardStatus, Status

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


@pytest.mark.parametrize(("seen_s", "asleep", "line"), [
    (0.9, False, "workers take 12.0 of 80.0 GB, other programs 4.5, 63.5 GB free"),
    (1.0, False, "workers take 12.0 of 80.0 GB, other programs 4.5, 63.5 GB free 0:01 ago"),
    (90.0, False, "workers take 12.0 of 80.0 GB, other programs 4.5, 63.5 GB free 1:30 ago"),
    (90.0, True, "asleep"),
])  # fmt: skip
def test_a_card_is_shown_as_it_was_last_seen(seen_s: float, asleep: bool, line: str) -> None:
    """In GB of a thousand MB, with the age of a look from a second on; nobody knows the memory of one that sleeps."""
    sizes = {"total_mb": 80_000.0, "free_mb": 63_500.0, "used_mb": 12_000.0, "budget_mb": 0.0}
    card = {"device": "cuda:0", "id": "1", "name": "H200", "seen_s": seen_s, "asleep": asleep, **sizes}
    assert card_line(CardStatus.from_data(card)) == f"cuda:0 H200: {line}"
