"""A machine that is taken away: its tasks end in time, or hand their recordings back at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from hushd_cluster import leaving
from hushd_cluster.leaving import FORGOTTEN_S, Notice, Watch
from hushd_protocol.errors import HushdError


@pytest.fixture
def notice(tmp_path: Path) -> Notice:
    return Notice(tmp_path)


def test_a_notice_is_seen_by_all_until_it_is_taken_back(notice: Notice, tmp_path: Path) -> None:
    """And forgotten an hour after its end: the machine was not taken away."""
    assert notice.until(100.0) is None
    notice.give(130.0)
    assert Notice(tmp_path).until(100.0) == 130.0
    assert Notice(tmp_path).until(130.0 + FORGOTTEN_S) is None
    notice.take_back()
    notice.take_back()
    assert notice.until(100.0) is None


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"until": "x"}', b"\xff", b"[" * 100_000])
def test_a_notice_that_nobody_can_read_is_none(notice: Notice, tmp_path: Path, content: bytes) -> None:
    """A machine whose file is damaged stays."""
    (tmp_path / "cluster-leaves.json").write_bytes(content)
    assert notice.until(100.0) is None


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


def test_a_task_is_stopped_once(notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the watch's own thread, while it waits for its engine."""
    monkeypatch.setattr(leaving, "LOOK_S", 0.01)
    stopped = threading.Event()
    with Watch(notice, stopped.set) as watch:
        notice.give(time.time() - 1)
        assert stopped.wait(30)
        watch._thread.join(30)
        assert watch.has_stopped
    with Watch(Notice(Path("/nonexistent")), stopped.clear) as calm:
        pass
    assert not calm.has_stopped


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


@pytest.mark.user
def test_a_folder_that_takes_no_notice(runtime: Path) -> None:
    """The hook's log says why."""
    os.chmod(runtime, 0o500)
    try:
        with pytest.raises(HushdError, match="cannot be written") as raised:
            leaving.leave(1.0)
    finally:
        os.chmod(runtime, 0o700)
    assert raised.value.code == "output_failed"


def test_sigterm_is_a_notice_to_this_process_alone(notice: Notice, tmp_path: Path) -> None:
    """With the usual grace, which a second one does not prolong; afterwards its handler is the one before."""
    before = signal.getsignal(signal.SIGTERM)
    with notice.by_signal():
        assert notice.until(time.time()) is None
        os.kill(os.getpid(), signal.SIGTERM)
        until = notice.until(time.time())
        assert until
        assert until == pytest.approx(time.time() + leaving.GRACE_S, abs=10)
        os.kill(os.getpid(), signal.SIGTERM)
        assert notice.until(time.time()) == until
    assert signal.getsignal(signal.SIGTERM) is before
    assert Notice(tmp_path).until(time.time()) is None


def test_what_there_is_is_kept_when_the_notice_is_seen(notice: Notice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, long before the task must stop: the machine may be gone sooner than it says."""
    monkeypatch.setattr(leaving, "LOOK_S", 0.01)
    kept = threading.Semaphore(0)
    with Watch(notice, lambda: None, lambda: kept.release()) as watch:
        notice.give(time.time() + 600)
        assert kept.acquire(timeout=30)
        assert not kept.acquire(timeout=0.2)
        assert not watch.has_stopped
