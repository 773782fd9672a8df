"""A worker's log has a bound, whatever its code writes, and how fast; real processes, and a clock that a test turns."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from hushd_protocol.system.log_files import ROTATE_BYTES
from hushd_supervisor.system.children import Children, Running
from hushd_supervisor.system.process import Limits
from hushd_supervisor.system.worker_logs import PIPE_LOOK_INTERVAL_S, WorkerLogs
from support.descriptors import open_descriptors
from support.peer import wait_until

BLOCK = 1 << 16
FLOOD = "import os\nfor n in range(100): os.write(2, b'%07d\\n' % n * 8192)"  # 6.5 MB


class Desk:
    """The logs of workers, whose pipes are looked at when a test says so."""

    def __init__(self, log: Path) -> None:
        self.log, self.now = log, 100.0
        self.poller = zmq.Poller()
        self.logs = WorkerLogs(self.poller)
        self.children: list[Running] = []

    def start(self, code: str) -> Running:
        child = Children(zmq.Poller(), Limits().launch).start([sys.executable, "-c", code], self.log, piped=True)
        self.children.append(child)
        self.logs.add(child)
        return child

    def turn(self, timeout_s: float = 0.0) -> bool:
        """One of the loop's; returns whether any pipe was readable."""
        ready = dict(self.poller.poll(timeout_s * 1000))
        self.logs.read(ready, self.now)
        return bool(ready)

    def until(self, condition: Callable[[], object]) -> None:
        """Takes turns, each of which is due."""

        def met() -> object:
            self.turn(0.001)
            self.now += PIPE_LOOK_INTERVAL_S
            return condition()

        wait_until(met)

    def close(self) -> None:
        for child in self.children:
            self.logs.remove(child)
            child.process.kill()
            wait_until(lambda child=child: child.process.poll() is not None)
            child.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(tmp_path / "logs" / "worker.log")
    yield opened
    opened.close()


def test_a_flood_leaves_a_megabyte_and_the_file_before_it(desk: Desk) -> None:
    """6.5 MB, as fast as a process can write them, end with the last line, in two files of little more than a MB."""
    child = desk.start(FLOOD)
    desk.until(lambda: child.process.poll() is not None)
    desk.logs.remove(child)
    assert child.output().endswith("0000099\n")
    sizes = [file.stat().st_size for file in desk.log.parent.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= ROTATE_BYTES + BLOCK


def test_a_flood_has_a_turn_each_20_ms(desk: Desk) -> None:
    """However much waits in its pipe, it wakes nobody before; a pipe's content is written then."""
    desk.start(FLOOD)
    wait_until(lambda: desk.turn(1))
    for _ in range(5):
        size = desk.log.stat().st_size
        assert desk.logs.deadline() == desk.now + PIPE_LOOK_INTERVAL_S
        assert not desk.turn()
        assert desk.log.stat().st_size == size
        desk.now += PIPE_LOOK_INTERVAL_S
        desk.turn()
        if desk.logs.deadline() is None:  # the process had not written on yet
            wait_until(lambda: desk.turn(1))
        assert size < desk.log.stat().st_size <= size + BLOCK


def test_a_silent_process_wakes_nobody(desk: Desk) -> None:
    """Nothing is due once its line is written, also where it has closed its output and lives on."""
    desk.start("import os, signal; os.write(2, b'one line\\n'); os.close(1); os.close(2); signal.pause()")
    before = open_descriptors()
    desk.until(lambda: len(open_descriptors()) < len(before))
    assert desk.log.read_text() == "one line\n"
    assert (desk.logs.deadline(), desk.turn()) == (None, False)


def test_what_outlives_a_worker_keeps_nobody(desk: Desk) -> None:
    """Another process floods the log of one that has ended: its last words are there, and the pipe is closed."""
    code = "import os, time\nos.write(2, b'last words\\n')\nif os.fork() == 0:\n    os.setsid()\n    " + FLOOD.replace(
        "\n", "\n    "
    ).replace("range(100)", "iter(int, 1)")
    child = desk.start(code)
    wait_until(lambda: child.process.poll() is not None)
    desk.logs.remove(child)
    assert child.pipe == -1
    assert (desk.logs.deadline(), desk.turn()) == (None, False)
    assert desk.log.stat().st_size <= ROTATE_BYTES + BLOCK


def test_without_a_log_of_its_own_a_megabyte_comes_into_ours(
    desk: Desk, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file is in the place of the folder; the rest is dropped."""
    (tmp_path / "logs").touch()
    child = desk.start(FLOOD)
    desk.until(lambda: child.process.poll() is not None)
    desk.logs.remove(child)
    assert ROTATE_BYTES <= len(capfd.readouterr().err) <= ROTATE_BYTES + 2 * BLOCK
