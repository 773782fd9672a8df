"""The verdict on a start, in bytes: who would leave for it, and what others would have to free."""

from __future__ import annotations

import pytest
from hushd_supervisor.core.memory.budget import Headroom, Verdict, WorkerSize, beyond, fit

BUSY = WorkerSize("busy", 400)
LEAVING = WorkerSize("leaving", 200, leaving=True)
SHORT = WorkerSize("idle for 10 s", 300, idle_s=10.0)
LONG = WorkerSize("idle for 50 s", 100, idle_s=50.0)


@pytest.mark.parametrize(("need", "limit", "available", "workers", "verdict"), [
    (600, 1000, 250, (), Verdict(True)),  # alone it takes 200, and 50 are left to other programs
    (600, 1000, 249, (), Verdict(False, short_by=1)),
    (600, 199, 249, (), Verdict(False)),
    (600, 1000, 650, (BUSY,), Verdict(True)),
    (601, 1000, 700, (BUSY,), Verdict(False)),
    (601, 1000, 100, (BUSY,), Verdict(False)),  # whatever others free, the limit stays
    (600, 9000, 450, (LEAVING,), Verdict(False, wait=True)),
    (600, 9000, 449, (LEAVING, BUSY), Verdict(False, short_by=1)),
    (600, 9000, 550, (SHORT, LONG, BUSY), Verdict(False, (LONG.name,), wait=True)),
    (600, 9000, 350, (LEAVING, SHORT, BUSY), Verdict(False, (SHORT.name,), wait=True)),
    (600, 9000, 250, (SHORT, LONG, BUSY), Verdict(False, (LONG.name, SHORT.name), wait=True)),
    (600, 9000, 100, (SHORT, LONG, BUSY), Verdict(False, short_by=150)),
    (600, 1000, 100, (SHORT, LONG), Verdict(False, (LONG.name, SHORT.name), wait=True)),
    (600, 599, 900, (SHORT, BUSY), Verdict(False)),
    (600, 1000, 40, (LONG,), Verdict(False, short_by=110)),
])  # fmt: skip
def test_a_start_has_a_verdict(
    need: int, limit: int, available: int, workers: tuple[WorkerSize, ...], verdict: Verdict
) -> None:
    """Enough leave and no more, the longest idle first; where all would leave, what it takes alone decides."""
    assert fit(need, 200, Headroom(limit, available, 50), workers) == verdict


@pytest.mark.parametrize(("one", "other", "both"), [
    (Verdict(True), Verdict(True), Verdict(True)),
    (Verdict(True), Verdict(False, short_by=3), Verdict(False)),
    (Verdict(False, ("a",), wait=True), Verdict(False), Verdict(False)),
    (Verdict(True), Verdict(False, ("a",), wait=True), Verdict(False, ("a",), wait=True)),
    (Verdict(False, ("a", "b"), True), Verdict(False, ("b", "c"), True), Verdict(False, ("a", "b", "c"), True)),
    (Verdict(False, wait=True), Verdict(True), Verdict(False, wait=True)),
])  # fmt: skip
def test_a_start_on_two_devices_needs_both(one: Verdict, other: Verdict, both: Verdict) -> None:
    assert one & other == both


@pytest.mark.parametrize(("size", "names"), [(400, []), (399, [LONG.name]), (299, [LONG.name, SHORT.name])])
def test_the_longest_idle_leave_until_the_others_are_small_together(size: int, names: list[str]) -> None:
    assert beyond(size, (SHORT, LONG, BUSY, LEAVING)) == names
