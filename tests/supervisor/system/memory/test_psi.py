"""Tests of the news of memory pressure: the kernel's triggers, where this machine has them, and the pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from hushd_protocol.errors import HushdError
from hushd_supervisor.core.events import Pressure
from hushd_supervisor.core.memory.budget import Memory
from hushd_supervisor.core.memory.pressure import Level
from hushd_supervisor.system.memory.cgroup import Cgroup
from hushd_supervisor.system.memory.psi import SYSTEM, Pipe, Stalls, choose
from support.memory_group import MemoryGroup

SCARCE, AMPLE = Memory(1000, 499), Memory(1000, 500)
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
    found = Stalls(poller, SYSTEM, lambda: SCARCE)
    if not found.work:
        pytest.skip("the kernel lets us set no trigger")
    yield found
    found.watch(False)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_triggers_are_there_only_while_wanted(stalls: Stalls, poller: zmq.Poller) -> None:
    """Two descriptors while somebody listens, however often that is said; none before and after."""
    before = descriptors()
    assert poller.sockets == []
    for _ in range(2):
        stalls.watch(True)
        assert descriptors() == before + 2
        assert [events for _, events in poller.sockets] == [zmq.POLLPRI] * 2
    for _ in range(2):
        stalls.watch(False)
        assert descriptors() == before
        assert poller.sockets == []


def test_a_trigger_is_an_event_of_its_level(stalls: Stalls, poller: zmq.Poller) -> None:
    """`some` is a warning, `full` is critical; who has not fired says nothing."""
    stalls.watch(True)
    some, full = (descriptor for descriptor, _ in poller.sockets)
    assert list(stalls.fired({})) == []
    assert list(stalls.fired({some})) == [Pressure(Level.WARNING)]
    assert list(stalls.fired({some, full})) == [Pressure(Level.WARNING), Pressure(Level.CRITICAL)]


def test_stalls_of_others_are_not_ours(poller: zmq.Poller) -> None:
    """While half of the memory is available, nobody waits for want of it but who is under a limit of its own."""
    machine = [AMPLE]
    stalls = Stalls(poller, SYSTEM, lambda: machine[0])
    if not stalls.work:
        pytest.skip("the kernel lets us set no trigger")
    stalls.watch(True)
    ready = {descriptor for descriptor, _ in poller.sockets}
    assert list(stalls.fired(ready)) == []
    machine[0] = SCARCE
    assert len(list(stalls.fired(ready))) == 2
    stalls.watch(False)


@pytest.mark.parametrize("file", ["/dev/null/missing", "/proc/self", "/dev/full"])
def test_without_stall_information_there_are_no_triggers(poller: zmq.Poller, file: str) -> None:
    """A kernel without it, or that refuses the trigger, is recognised at the start, and no descriptor stays open."""
    before = descriptors()
    stalls = Stalls(poller, Path(file), lambda: SCARCE)  # the last one lets us open it and says no to the write
    assert not stalls.work
    stalls.watch(True)
    assert (descriptors(), poller.sockets, list(stalls.fired({}))) == (before, [], [])


def test_a_group_that_refuses_means_the_machines_stalls(poller: zmq.Poller, tmp_path: Path) -> None:
    """A container's own file may be read-only: then the machine's is listened to."""
    files = {"memory.max": "100", "memory.current": "5", "memory.pressure": "some"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "memory.pressure").unlink()
    (tmp_path / "memory.pressure").mkdir()
    chosen = choose(poller, Cgroup(2, (tmp_path,)), lambda: SCARCE)
    assert isinstance(chosen, Stalls)
    assert chosen._file == SYSTEM


def test_the_pipe_says_what_is_written_to_it(poller: zmq.Poller, tmp_path: Path) -> None:
    """Words of a level are events, in order, from any number of writers; other words are nothing; it never ends."""
    path = tmp_path / "pressure"
    os.mkfifo(path)
    pipe = choose(poller, Cgroup(), lambda: AMPLE, str(path))
    assert isinstance(pipe, Pipe)
    assert pipe.work
    assert poller.poll(0) == []
    for text in ("warning\ncritical\n", "nonsense\nwarning\n"):
        path.write_text(text)
        assert poller.poll(0)
    events = list(pipe.fired(dict(poller.poll(0))))
    assert [event.level.word for event in events] == ["warning", "critical", "warning"]
    assert poller.poll(0) == []
    assert list(pipe.fired({})) == []


def test_what_is_no_pipe_is_an_error(poller: zmq.Poller, tmp_path: Path) -> None:
    """A plain file would be readable for ever."""
    (tmp_path / "file").touch()
    for name in ("file", "missing"):
        with pytest.raises(HushdError, match="not a named pipe"):
            choose(poller, Cgroup(), lambda: AMPLE, str(tmp_path / name))


def test_a_real_hog_fires_the_triggers(
    stalls: Stalls, poller: zmq.Poller, memory_group: MemoryGroup, tmp_path: Path
) -> None:
    """A process that thrashes under a limit of its group stalls, which the kernel reports without being asked."""
    stalls.watch(True)
    file = tmp_path / "hog"
    command = [*memory_group.command(HOG_LIMIT), sys.executable, "-c", HOG, str(file), str(HOG_LIMIT)]
    with subprocess.Popen(command) as hog:
        try:
            ready = dict(poller.poll(20_000))
        finally:
            hog.kill()
    assert Pressure(Level.WARNING) in list(stalls.fired(ready)), "no trigger within 20 s"
