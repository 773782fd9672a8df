"""Templates as real processes: the workers forked from them, and that nothing depends on them or stays behind."""

from __future__ import annotations

import os
import random
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest
import zmq
from hushd_protocol.system import paths
from hushd_schema.settings import Settings
from hushd_supervisor.core.events import TemplateGone, TemplateReady
from hushd_supervisor.system import process, standby
from hushd_supervisor.system.process import Limits, Process
from hushd_supervisor.system.standby import Templates
from support import warm
from support.peer import BOUND_S, TESTS, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="templates are kept on Linux only")

NAME = "stt/test"
PROGRAM = TESTS / "template.py"


class Stage:
    """Templates of tests/support/template.py, and the workers that were forked from them."""

    def __init__(self, folder: Path) -> None:
        self.mode: tuple[str, ...] = ()
        self.folder = folder
        self.program = [sys.executable, "-m", "worker"]  # as the command line of a worker begins
        self.poller = zmq.Poller()
        known = paths.find({"HUSHD_RUNTIME_DIR": str(folder / "run"), "HUSHD_STATE_DIR": str(folder / "state")})
        self.templates = Templates(self.poller, Limits().launch, known, Settings(), self.command)
        self.workers: list[Process] = []
        self.lifelines: list[int] = []

    def command(self, _: str, own: Sequence[str]) -> list[str]:
        return [*own, sys.executable, str(PROGRAM), *self.mode, " " * 80]

    def event(self, now: float = 0.0) -> TemplateReady | TemplateGone:
        """The next news of a template."""
        end = time.monotonic() + BOUND_S
        while time.monotonic() < end:
            for event in self.templates.events(dict(self.poller.poll(100)), now):
                return event
        raise AssertionError("no news of a template")

    def start(self, gen: int = 1) -> int:
        """Starts a template; returns its pid, once it is ready."""
        assert self.templates.prepare(NAME, gen) is None
        event = self.event()
        assert isinstance(event, TemplateReady), event
        assert 1e6 < event.size < 1e8
        return self.templates.pids()[NAME, gen]

    def fork(self, *arguments: str, gen: int = 1) -> Process | None:
        """Has a worker forked, its output in `out`."""
        lifeline, ours = os.pipe()
        self.lifelines.append(ours)
        command = [*self.program, "--engine", *arguments]
        variables = {"MINE": "yes", "HUSHD_SUPERVISOR": str(os.getpid())}
        with open(self.folder / "out", "ab") as output:
            forked = self.templates.fork(gen, command, variables, output.fileno(), lifeline)
        os.close(lifeline)
        if forked:
            self.workers.append(forked)
        return forked

    def said(self) -> list[str]:
        return (self.folder / "out").read_text().splitlines()

    def close(self) -> None:
        kept = [template.process for template in self.templates._known.values()]
        self.templates.close()
        for template in kept:
            wait_until(lambda template=template: template.poll() is not None, "the end of a template")
        for worker in self.workers:
            worker.kill()
            ended(worker)
            worker.close()
        for lifeline in self.lifelines:
            os.close(lifeline)


def ended(worker: Process) -> int:
    """The status of a worker that ends."""
    assert worker.exit_fd is not None
    if worker.poll() is None:
        assert select.select([worker.exit_fd], [], [], BOUND_S)[0]
    status = worker.poll()
    assert status is not None
    return status


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """This process adopts orphans for the time of a test."""
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setattr(standby, "FORK_S", BOUND_S)  # a starved machine forks late
    made = Stage(tmp_path)
    yield made
    made.close()
    warm.adopt_orphans(False)
    wait_until(lambda: not leftovers(tmp_path), "that nothing is left")


def leftovers(folder: Path) -> list[int]:
    """Processes whose output goes into `folder`."""
    found = []
    for other in psutil.process_iter():
        try:
            if os.readlink(f"/proc/{other.pid}/fd/2").startswith(str(folder)):
                found.append(other.pid)
        except OSError:
            continue
    return found


def test_a_forked_worker_is_like_one_that_was_started(stage: Stage) -> None:
    """It is our child, leads a group, has its arguments, environment, log and command line, and its status comes."""
    template = stage.start()
    worker = stage.fork("wait", "0")
    assert worker is not None
    wait_until(stage.said, "its output")
    assert stage.said() == [f"wait 0 {worker.pid} {worker.pid} {os.getpid()} yes False"]
    title = " ".join(psutil.Process(worker.pid).cmdline())  # one text, which psutil splits at its blanks
    assert title == f"{sys.executable} -m worker --engine wait 0"
    assert os.readlink(f"/proc/{worker.pid}/cwd") == "/"
    assert os.readlink(f"/proc/{worker.pid}/fd/0") == "/dev/null"
    assert worker.pid != template
    os.kill(worker.pid, signal.SIGTERM)
    assert ended(worker) == -signal.SIGTERM
    other = stage.fork("exit", "7")
    assert other is not None
    assert ended(other) == 7


def test_a_template_is_run_by_the_engines_own_program(stage: Stage) -> None:
    """Workers of a program that names no module of Python's get their arguments too."""
    stage.templates.configure(Settings(worker={NAME: {"command": ("/usr/bin/env", "PROGRAM=own")}}))
    template = stage.start()
    assert psutil.Process(template).environ()["PROGRAM"] == "own"
    stage.program = ["/opt/own", "-v"]
    worker = stage.fork("exit", "7")
    assert worker is not None
    assert ended(worker) == 7


def test_its_lifeline_ends_it_alone(stage: Stage) -> None:
    """The end of its pipe kills the worker's group, and neither its template nor another worker."""
    stage.start()
    first, second = stage.fork("wait", "0"), stage.fork("wait", "0")
    assert first
    assert second
    wait_until(lambda: len(stage.said()) == 2, "both workers")
    os.close(stage.lifelines.pop(0))
    assert ended(first) == -signal.SIGKILL
    assert second.poll() is None
    assert stage.fork("wait", "0")


def test_a_template_that_is_gone_ends_no_worker(stage: Stage) -> None:
    """A worker lives on without its template, and its status still comes."""
    template = stage.start()
    worker = stage.fork("wait", "0")
    assert worker is not None
    wait_until(stage.said, "its output")
    os.kill(template, signal.SIGKILL)
    assert isinstance(stage.event(), TemplateGone)
    assert stage.fork("wait", "0") is None
    assert worker.poll() is None
    os.kill(worker.pid, signal.SIGINT)  # as for any program
    assert ended(worker) == -signal.SIGINT or ended(worker) > 0


@pytest.mark.parametrize(
    ("mode", "reason"),
    [("threads", "its libraries start threads"), ("emulated", "under an emulator"), ("refuses", "Not this one.")],
)
def test_an_engine_that_cannot_be_kept_says_so(stage: Stage, mode: str, reason: str) -> None:
    """Nothing is forked beside threads; the refusal is one sentence, and final."""
    stage.mode = (mode,)
    assert stage.templates.prepare(NAME, 1) is None
    event = stage.event()
    assert isinstance(event, TemplateGone)
    assert event.final
    assert reason in event.reason


def test_a_kill_at_any_moment_of_a_fork_leaves_a_worker_or_none(stage: Stage) -> None:
    """The template is killed before, in and after a fork: a worker that we were given works, any other is gone."""
    dice = random.Random(1)
    for gen in range(1, 13):
        template = stage.start(gen)
        killer = threading.Timer(dice.random() * 0.01, os.kill, (template, signal.SIGKILL))
        killer.start()
        if worker := stage.fork("exit", "3", gen=gen):
            assert ended(worker) in (3, 1)
        killer.join()
        assert isinstance(stage.event(), TemplateGone)
    process.reap_orphans()
    assert stage.templates.pids() == {}


def test_a_fork_reaps_the_orphans_that_have_ended(stage: Stage) -> None:
    """A process that a dead worker has left behind becomes the supervisor's child, and no zombie for ever."""
    stage.start()
    reading, writing = os.pipe()
    program = "import os; orphan = os.fork(); orphan and print(orphan)"
    child = process.Child([sys.executable, "-c", program], {}, stdout=writing, stderr=2)
    os.close(writing)
    with open(reading) as told:
        orphan = psutil.Process(int(told.readline()))
    ended(child)
    child.close()
    # This one: other tests may have left other ones.
    wait_until(lambda: (orphan.status(), orphan.ppid()) == (psutil.STATUS_ZOMBIE, os.getpid()), "the orphan's end")
    assert stage.fork("wait", "0")
    assert not orphan.is_running()
