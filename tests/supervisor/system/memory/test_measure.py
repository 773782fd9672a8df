"""Tests of the memory figures and of the status made of them."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_protocol.messages import Beat, Ready
from hushd_schema.status import FloorStatus, MemoryStatus, WorkerStatus
from hushd_supervisor.system import status
from hushd_supervisor.system.memory import measure
from support.peer import wait_until

WORKER = WorkerStatus.from_data({"name": "stt/a/b", "role": "stt", "engine": "a", "model": "b", "state": "ready"})
NOBODY = FloorStatus.from_data({})
MEMORY = MemoryStatus(budget_mb=800.0, used_mb=0.0, available_mb=123.5, reserve_mb=60.0, pressure="warning", cards=())


def test_usage_follows_what_a_process_takes() -> None:
    """RSS, PSS and peak rise with 50 MB that are touched, and RSS falls again when they are given back."""
    program = "b = bytearray(b'x') * 50_000_000; print(flush=True); input(); del b; print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        full = measure.usage(child.pid)
        child.stdin.write("\n")
        child.stdin.flush()
        child.stdout.readline()
        empty = measure.usage(child.pid)
        child.kill()
    assert full is not None
    assert empty is not None
    assert full.rss - empty.rss > 45_000_000
    assert full.pss - empty.pss > 45_000_000
    assert empty.peak > 0.95 * full.rss
    assert full.pss < 1.05 * full.rss


def resident_shared() -> int:
    """The bytes of mapped files of a tmpfs, and of shared memory, that this process has; 0 where no kernel says so."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssShmem:"))


def test_the_use_of_a_start_is_seen(tmp_path: Path) -> None:
    """CPU time, bytes read and private memory of a process and of those that it started; mapped files are not in it."""
    (tmp_path / "weights").write_bytes(bytes(30_000_000))
    before, shared = measure.used(os.getpid()), resident_shared()
    assert before
    own = mmap.mmap(
        -1, 30_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    )  # the allocator could take what is free already
    with (tmp_path / "weights").open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert file.readinto(own) == len(mapped)
        assert mapped.find(b"x") == -1
        sum(range(10_000_000))
        after = measure.used(os.getpid())
        shared = resident_shared() - shared  # what a file in memory has is memory
    assert after
    assert after.cpu_s >= before.cpu_s + 0.05
    assert after.read >= before.read + 30_000_000
    assert 25_000_000 <= after.private - before.private - shared <= 55_000_000
    process = subprocess.Popen([sys.executable, "-c", "x = bytearray(50_000_000); input()"], stdin=subprocess.PIPE)
    try:
        wait_until(
            lambda: (with_child := measure.used(os.getpid())) and with_child.private >= after.private + 20_000_000
        )
    finally:
        process.kill()
        process.communicate()


def test_a_process_that_is_gone_has_no_usage() -> None:
    """A zombie, or a pid that nobody has, raises nothing."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert measure.usage(child.pid) is None
    child.wait()
    assert measure.usage(child.pid) is None


LIE = 1 << 40


@pytest.mark.parametrize("said", [0, 1, LIE])
def test_a_worker_is_measured_whatever_it_says(said: int) -> None:
    """Neither too much nor too little is believed: sizes are the process's own, the peak at most its high water."""
    own = measure.of_tree(os.getpid(), measure.resident_usage)
    assert own is not None
    report = measure.checked(Beat(cpu_s=1.0, pss=said, private=said, peak=said), os.getpid(), lambda: 0)
    assert isinstance(report, Beat)
    assert 0.9 * own.private < report.private < 1.2 * own.private
    assert report.private <= report.peak <= 1.2 * own.peak
    assert report.pss <= 1.2 * own.rss
    assert (report.pss, report.peak) <= (said, max(report.private, said))


def test_what_a_container_takes_is_believed_up_to_what_the_user_said() -> None:
    """Of a server that runs elsewhere no process is measured here; its file bounds what it says."""
    own = measure.checked(Beat(cpu_s=0.0), os.getpid(), lambda: LIE).private
    for said, more in ((own + 5_000_000_000, 5_000_000_000), (LIE, 7_000_000_000)):
        report = measure.checked(Ready(private=said), os.getpid(), lambda: 7_000_000_000)
        assert abs(report.private - own - more) < 0.2 * own
        assert report.peak == report.private


def test_who_has_ended_leaves_no_lie() -> None:
    """A size that can no longer be measured is unknown."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pass
    report = measure.checked(Beat(cpu_s=0.0, pss=LIE, private=LIE, peak=LIE), child.pid, lambda: LIE)
    assert (report.pss, report.private, report.peak) == (0, 0, 0)


def test_the_figures_are_those_of_the_living_process_of_a_generation() -> None:
    """Each worker is the pool's; its private memory is used. (The keys are pinned by status.json.)"""
    report = status.report([(3, WORKER), (2, WORKER)], MEMORY, NOBODY, {("stt/a/b", 3): os.getpid()}, 12.34).data()
    alive, dead = report["workers"]
    own = measure.usage(os.getpid())
    assert own is not None
    assert (alive["pid"], alive["rss_mb"] > own.rss / 1e6 - 5) == (os.getpid(), True)  # with that of its programs
    assert (dead["pid"], dead["rss_mb"], dead["pss_mb"], dead["peak_rss_mb"]) == (None, None, None, None)
    assert report["memory"]["used_mb"] == alive["private_mb"]
