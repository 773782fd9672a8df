"""The program of `[memory] when_short` as a process: what it reads, what follows from its end, and its time."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from hushd_supervisor.core.actions import Relieve
from hushd_supervisor.core.events import Relieved
from hushd_supervisor.system.children import Children
from hushd_supervisor.system.process import Child
from hushd_supervisor.system.relief import RELIEF_TIMEOUT_S, ReliefProgram
from support.descriptors import none_left
from support.peer import BOUND_S


class Stage:
    """A program's runs in a folder, whose clock a test moves."""

    def __init__(self, folder: Path) -> None:
        self.poller, self.now, self.lines = zmq.Poller(), 100.0, list[tuple[str, str]]()
        children = Children(self.poller, Child)
        self.program = ReliefProgram(children, folder / "log", lambda *line: self.lines.append(line), lambda: self.now)

    def run(self, *command: str) -> list[Relieved]:
        """Starts it; returns the failure if it cannot be."""
        action = Relieve(command, "stt/a/b", 1, 2, "cuda:0", "0000:65:00.0")
        return [e for e in self.program.actions()[Relieve](action) if isinstance(e, Relieved)]

    def turn(self, wait_s: float = BOUND_S) -> list[Relieved]:
        """Returns the events of its next sign, or of the time."""
        return list(self.program.events(dict(self.poller.poll(wait_s * 1000)), self.now))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.program.close()
    while made.program._running:
        made.turn()


@pytest.mark.skipif(sys.platform != "linux", reason="exits are polled there")
def test_it_reads_what_lacks_and_its_status_says_whether_it_helped(stage: Stage, tmp_path: Path) -> None:
    """Standard input has it, to the end; its last line is in the log."""
    for status in (0, 1):
        assert stage.run("sh", "-c", f'cat > "{tmp_path}/asked"; echo "x gave 1 GB"; exit {status}') == []
        assert stage.turn() == [Relieved(freed=status == 0)]
        assert json.loads((tmp_path / "asked").read_text()) == {
            "worker": "stt/a/b", "ram": 1, "vram": 2, "device": "cuda:0", "card": "0000:65:00.0",
        }  # fmt: skip
    end = "the program of memory.when_short has ended with status"
    assert stage.lines == [("info", f"{end} 0 (x gave 1 GB)"), ("warning", f"{end} 1 (x gave 1 GB)")]


def test_one_that_cannot_be_started_frees_nothing(stage: Stage) -> None:
    """The log says why."""
    assert stage.run("/no/such/program") == [Relieved()]
    with none_left():
        assert stage.run("true") == [Relieved()]
    assert [level for level, _ in stage.lines] == ["warning", "warning"]
    assert "No such file" in stage.lines[0][1]
    assert "Too many open files" in stage.lines[1][1]


@pytest.mark.skipif(sys.platform != "linux", reason="exits are polled there")
def test_one_that_hangs_is_killed_after_its_time(stage: Stage) -> None:
    """Its start goes on at once; no other is run before it is dead."""
    stage.run("sleep", "3600")
    assert stage.program.deadline() == stage.now + RELIEF_TIMEOUT_S
    stage.now += RELIEF_TIMEOUT_S
    assert stage.turn(0) == [Relieved()]
    assert stage.run("true") == [Relieved()]
    assert stage.turn() == []
    assert stage.run("true") == []
    assert stage.turn() == [Relieved(freed=True)]
    assert "has not ended within 10 s, and was killed" in stage.lines[0][1]


@pytest.mark.skipif(sys.platform != "linux", reason="exits are polled there")
def test_programs_of_this_installation_are_found(stage: Stage) -> None:
    """`hushd` lies beside its Python, which a service's PATH seldom names."""
    assert stage.run(Path(sys.executable).name, "-c", "") == []
    assert stage.turn() == [Relieved(freed=True)]
