"""The memory, the children and the cores that a process has."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from math import inf
from pathlib import Path
from types import SimpleNamespace

import pytest
from hushd_protocol.system import footprint
from hushd_protocol.system.cgroup import Cgroup, Limit

GONE = "4194305"  # beyond the numbers that processes have


@pytest.mark.parametrize(
    ("allowed", "quota", "cores"), [(4, inf, 4), (4, 4.0, 4), (4, 3.6, 4), (4, 3.4, 3), (4, 0.2, 1), (1, 2.0, 1)]
)
def test_a_process_has_as_many_cores_as_its_container_is_worth(
    allowed: int, quota: float, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than it may run on, and one at least."""

    def own(controller: str) -> SimpleNamespace:
        return SimpleNamespace(processors={"cpu": lambda: quota}[controller])

    monkeypatch.setattr(Cgroup, "own", own)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0: range(allowed)}[process], raising=False)
    assert footprint.cores() == cores
    monkeypatch.delattr(os, "sched_getaffinity")  # as in macOS
    monkeypatch.setattr(os, "cpu_count", lambda: allowed)
    assert footprint.cores() == cores
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert footprint.cores() == 1


def test_elsewhere_the_memory_is_asked_of_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures are whole numbers of bytes."""
    said = SimpleNamespace(total=8e9, available=5e9)
    monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace(virtual_memory=lambda: said))
    monkeypatch.setattr(sys, "platform", "darwin")
    assert repr(footprint.machine()) == repr(Limit(8_000_000_000, 5_000_000_000))


def test_sizes_are_those_in_kilobytes(tmp_path: Path) -> None:
    """Other lines are left out, whatever their bytes."""
    (tmp_path / "status").write_bytes(b"Name:\t\xff\nThreads:\t12\nVmRSS:\t  34 kB\nHugePages: 5\nVmSwap: 0 kB\n")
    assert footprint.sizes_in(tmp_path / "status") == {"VmRSS": 34 * 1024, "VmSwap": 0}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_resident_set_is_the_kernels() -> None:
    """The two files differ by pages of a moment; a process that is gone has none; nothing stays open."""
    before = os.listdir("/dev/fd")
    assert footprint.rss() == pytest.approx(footprint.sizes_in("/proc/self/status")["VmRSS"], rel=0.1)
    assert footprint.rss(str(os.getpid())) > 0 == footprint.rss(GONE)
    assert os.listdir("/dev/fd") == before


_FAMILY = """
import os, subprocess, sys
from hushd_protocol.system.footprint import descendants
assert descendants("self") == []
parent = "import subprocess\\nwith subprocess.Popen(['cat']) as one: print(one.pid, flush=True)"
child = subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
grandchild = int(child.stdout.readline())
assert descendants("self") == [str(child.pid), str(grandchild)]
child.communicate()
assert descendants("self") == []
other = os.fork() or os._exit(0)
os.waitid(os.P_PID, other, os.WEXITED | os.WNOWAIT)
assert descendants("self") == [str(other)]
os.waitpid(other, 0)
"""


@pytest.mark.skipif(not os.path.exists("/proc/thread-self/children"), reason="this kernel does not list children")
def test_children_are_seen_beside_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shortcut for a process without children hides none: one that lives, is not waited for, or is another's."""
    assert footprint.lists_children()
    assert footprint.descendants(GONE) == []
    subprocess.run([sys.executable, "-c", _FAMILY], check=True)
    monkeypatch.setattr(footprint, "_childless", lambda: True)
    assert footprint.descendants("self") == []
    assert str(os.getpid()) in footprint.descendants(str(os.getppid()))


def test_a_system_may_know_of_no_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system has no list of them, and no call that says whether there is one."""
    monkeypatch.setattr(os.path, "exists", {"/proc/thread-self/children": False}.__getitem__)
    assert not footprint.lists_children()
    monkeypatch.delattr(os, "waitid", raising=False)
    assert not footprint._childless()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has prctl")
def test_a_process_can_go_without_huge_pages() -> None:
    """The kernel is told, and told otherwise; what has no such call goes on."""
    prctl, is_disabled = ctypes.CDLL(None).prctl, 42
    footprint.use_huge_pages(False)
    assert prctl(is_disabled, 0, 0, 0, 0) == 1
    footprint.use_huge_pages(True)
    assert prctl(is_disabled, 0, 0, 0, 0) == 0


def test_glibc_is_asked_for_all_that_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another library of C may lack the function, or does not open without a name."""
    kept: list[int] = []
    libraries = {None: SimpleNamespace(malloc_trim=kept.append)}
    monkeypatch.setattr(ctypes, "CDLL", libraries.__getitem__)
    footprint.trim()
    assert kept == [0]
    libraries[None] = SimpleNamespace()
    footprint.trim()

    def refuse(_: None) -> None:
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    footprint.trim()
