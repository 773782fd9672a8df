"""Tests of the news of memory pressure: the kernel's triggers, where this machine has them."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from hushd_protocol.system.cgroup import Cgroup
from hushd_supervisor.core.events import Pressure
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.core.memory.pressure import Level
from hushd_supervisor.system.memory.psi import SYSTEM, Stalls, choose
from support.descriptors import open_descriptors, settled_descriptors
from support.memory_group import MemoryGroup

SCARCE, AMPLE = Memory(1000, 149), Memory(1000, 150)
STALLED, CALM = Pressure(Level.WARNING), Pressure(Level.NORMAL)
HOG_LIMIT = 60_000_000
# Walks through a file that is larger than its group may hold, page by page, so that each page has to come back from
# the disk and every step of it waits for memory.
HOG = """
import mmap, os, sys
path, size = sys.argv[1], 3 * int(sys.argv[2])
with open(path, "wb") as file:
    block = os.urandom(1 << 20)
    for _ in range(size >> 20): file.write(block)
with open(path, "rb") as file:
    view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    while True:
        for place in range(0, len(view), 4096): view[place]
"""


@pytest.fixture
def poller() -> zmq.Poller:
    return zmq.Poller()


@pytest.fixture
def stalls(poller: zmq.Poller) -> Iterator[Stalls]:
    """The machine's triggers."""
    triggers = Stalls(poller, SYSTEM, lambda: SCARCE)
    if not triggers.works():
        pytest.skip("the kernel lets us set no trigger")
    yield triggers
    triggers.watch(False)


class Kernel:
    """A file of stalls, whose totals and whose triggers a test decides, at a time of its own."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "memory"
        self.now, self.memory = 100.0, SCARCE
        self.some = self.full = 1_773_484
        self.write()
        self.watched: list[object] = []  # the descriptors: of `some`, and of `full`
        self.stalls = Stalls(self, self.file, lambda: self.memory, lambda: self.now)  # type: ignore[arg-type]
        self.write()  # over the trigger, which a plain file keeps

    def register(self, descriptor: int, _: int) -> None:
        self.watched.append(descriptor)

    def unregister(self, descriptor: int) -> None:
        self.watched.remove(descriptor)

    def write(self) -> None:
        rest = "avg10=0.00 avg60=0.00 avg300=0.00 total="
        self.file.write_text(f"some {rest}{self.some}\nfull {rest}{self.full}\n")

    def fires(self, after: float, some: int, full: int) -> list[Pressure]:
        """Both triggers fire after so many seconds, in which so many microseconds were stalled."""
        self.now += after
        self.some, self.full = self.some + some, self.full + full
        self.write()
        return list(self.stalls.events(set(self.watched), 0.0))


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


def test_triggers_are_there_only_while_wanted(stalls: Stalls, poller: zmq.Poller) -> None:
    """Two descriptors while somebody listens, however often that is said; none before and after."""
    before = settled_descriptors()
    assert poller.sockets == []
    for _ in range(2):
        stalls.watch(True)
        assert len(open_descriptors() - before) == 2
        assert [events for _, events in poller.sockets] == [zmq.POLLPRI] * 2
    for _ in range(2):
        stalls.watch(False)
        assert open_descriptors() <= before
        assert poller.sockets == []


def test_a_trigger_is_an_event_of_its_level(kernel: Kernel) -> None:
    """`some` is a warning, `full` is critical; who has not fired says nothing."""
    kernel.stalls.watch(True)
    assert kernel.fires(2.0, 160_000, 150_000) == [STALLED, Pressure(Level.CRITICAL)]
    assert kernel.fires(2.0, 160_000, 140_000) == [STALLED, CALM]
    kernel.watched = kernel.watched[:1]
    assert kernel.fires(2.0, 160_000, 160_000) == [STALLED]
    kernel.watched = []
    assert kernel.fires(2.0, 160_000, 160_000) == []


def test_a_moment_without_descriptors_does_not_end_the_reports(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is looked at every five seconds meanwhile, and the triggers are tried again."""
    opened = os.open
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", lambda path, *more: _refuse() if kernel.watched else opened(path, *more))
        kernel.stalls.watch(True)
    assert (kernel.watched, kernel.stalls.deadline()) == ([], 105.0)
    assert list(kernel.stalls.on_time(104.9)) == []
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", lambda *_: _refuse())
        kernel.now = 105.0
        assert list(kernel.stalls.on_time(105.0)) == [CALM]
        assert kernel.stalls.deadline() == 110.0
    assert list(kernel.stalls.on_time(110.0)) == [CALM]
    assert kernel.stalls.deadline() is None
    kernel.write()
    assert kernel.fires(2.0, 160_000, 0) == [STALLED, CALM]


def _refuse() -> int:
    raise OSError(errno.EMFILE, "Too many open files")


def test_a_trigger_that_was_just_registered_is_not_believed(kernel: Kernel) -> None:
    """Linux fires it at the first stall, however short, and again while that window lasts: memory is looked at, and
    nothing more is concluded. So it is each time that a first worker starts."""
    for _ in range(3):
        kernel.stalls.watch(True)
        assert kernel.fires(0.7, 5000, 1) == [CALM, CALM]
        assert kernel.fires(2.0, 5000, 1) == [CALM, CALM]
        assert kernel.fires(2.0, 160_000, 1) == [STALLED, CALM]
        kernel.stalls.watch(False)
        kernel.now += 300
        kernel.full += 10_000_000
        kernel.write()


def test_stalls_of_others_are_not_ours(kernel: Kernel) -> None:
    """While more than 15 % of the memory is available, nobody waits for more but who is under a limit of its
    own, or reads more than the page cache holds."""
    kernel.memory = AMPLE
    kernel.stalls.watch(True)
    assert kernel.fires(2.0, 900_000, 900_000) == [CALM, CALM]
    kernel.memory = SCARCE
    assert kernel.fires(2.0, 900_000, 900_000) == [STALLED, Pressure(Level.CRITICAL)]


@pytest.mark.parametrize("file", ["/dev/null/missing", "/proc/self", "/dev/full"])
def test_without_stall_information_there_are_no_triggers(poller: zmq.Poller, file: str) -> None:
    """A kernel without it, or that refuses the trigger, is recognised at the start, and no descriptor stays open."""
    before = settled_descriptors()
    stalls = Stalls(poller, Path(file), lambda: SCARCE)  # the last one lets us open it and says no to the write
    assert not stalls.works()
    stalls.watch(True)
    assert open_descriptors() <= before
    assert (poller.sockets, list(stalls.events({}, 0.0))) == ([], [])


def test_a_group_with_a_limit_means_its_own_stalls(poller: zmq.Poller, tmp_path: Path) -> None:
    """Another group's want of memory is none of ours."""
    line = "avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"
    files = {"memory.max": "100", "memory.current": "5", "memory.pressure": f"some {line}full {line}"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    chosen = choose(poller, Cgroup(2, (tmp_path,)), lambda: SCARCE)
    assert isinstance(chosen, Stalls)
    assert chosen._file == tmp_path / "memory.pressure"


def test_a_real_hog_fires_the_triggers(
    stalls: Stalls, poller: zmq.Poller, memory_group: MemoryGroup, tmp_path: Path
) -> None:
    """A process that thrashes under a limit of its group stalls, which the kernel reports without being asked."""
    stalls.watch(True)
    file = tmp_path / "hog"
    command = [*memory_group.command(HOG_LIMIT), sys.executable, "-c", HOG, str(file), str(HOG_LIMIT)]
    signs: list[Pressure] = []
    end = time.monotonic() + 30
    with subprocess.Popen(command) as hog:
        try:
            while STALLED not in signs and (left := end - time.monotonic()) > 0:
                signs += stalls.events(dict(poller.poll(left * 1000)), 0.0)
        finally:
            hog.kill()
    assert STALLED in signs, "no confirmed report within 30 s"
