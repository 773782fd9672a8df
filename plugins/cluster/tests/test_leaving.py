"""A machine that is taken away: its tasks end in time, or hand their recordings back at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hushd_cluster import leaving
from hushd_cluster.leaving import Notice, Watch


@pytest.fixture
def notice(tmp_path: Path) -> Notice:
    return Notice(tmp_path)


def test_a_machine_is_at_rest_without_tasks(notice: Notice, tmp_path: Path) -> None:
    """Of several, until the last one has ended."""
    assert notice.is_at_rest()
    with notice.at_work():
        with Notice(tmp_path).at_work():
            assert not notice.is_at_rest()
        assert not notice.is_at_rest()
    assert notice.is_at_rest()


@pytest.mark.parametrize(
    ("done", "total", "until", "now", "stops"),
    [
        (0.0, 0.0, None, 110.0, False),
        (0.0, 0.0, 130.0, 110.0, False),  # who knows
        (0.0, 0.0, 130.0, 130.0, True),
        (100.0, 200.0, 130.0, 110.0, False),  # ends at 120
        (100.0, 200.0, 119.0, 110.0, True),
        (100.0, 36_000.0, 130.0, 110.0, True),  # takes an hour more: at once
        (200.0, 200.0, 111.0, 110.0, False),
        (200.0, 200.0, 110.0, 110.0, True),
    ],
)
def test_a_task_goes_on_if_it_can_end_in_time(
    notice: Notice, done: float, total: float, until: float | None, now: float, stops: bool
) -> None:
    """By its pace so far, from its begin at 100; one that does not know it goes on to the last."""
    times = [100.0]
    watch = Watch(notice, lambda: None, clock=lambda: times[-1])
    watch.progressed(done, total)
    if until is not None:
        notice.give(until)
    times.append(now)
    assert watch.must_stop() is stops


def test_leaving_waits_for_the_tasks(runtime: Path) -> None:
    """And no longer than it may; a folder that cannot be written is an error of one sentence."""
    notice = Notice(runtime)
    assert leaving.leave(30.0)
    assert notice.until(time.time())
    waits: list[float] = []
    work = notice.at_work()
    work.__enter__()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            work.__exit__(None, None, None)

    assert leaving.leave(30.0, wait)
    assert len(waits) == 3
    with notice.at_work():
        assert not leaving.leave(-5.0)
