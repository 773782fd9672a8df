"""Tests of the answer to `status`: what it costs those who wait while somebody asks for it."""

from __future__ import annotations

from hushd_supervisor.system.memory.measure import Usage
from hushd_supervisor.system.status import MEASURE_FRESH_S, Usages


def test_a_process_is_measured_ten_times_a_second_at_most() -> None:
    """A flood of `status` measures each process once, until the measure is a tenth of a second old."""
    measured: list[int] = []

    def usage(pid: int) -> Usage:
        measured.append(pid)
        return Usage(len(measured), 0, 0)

    now = 50.0
    usages = Usages(usage, lambda: now)
    for number in range(1000):
        now = 50.0 + number * MEASURE_FRESH_S / 1000
        assert (usages.of(1), usages.of(2)) == (Usage(1, 0, 0), Usage(2, 0, 0))
    assert measured == [1, 2]
    now = 50.0 + MEASURE_FRESH_S
    assert usages.of(1) == Usage(3, 0, 0)
