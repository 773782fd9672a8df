"""The process that makes a file for the next worker: it outlives its own worker, and nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import endless_maker
from support.peer import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends by its time limit alone")


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that starts a worker, which has a file made and ends once it is told so."""
    tests = str(Path(endless_maker.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (tests, os.environ.get("PYTHONPATH"))))}
    command = [sys.executable, endless_maker.__file__, "supervisor", str(tmp_path / "made")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:  # type: ignore[call-overload]
        yield process
        process.kill()


def runs(pid: int) -> bool:
    """Returns whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_it_outlives_the_worker_and_ends_with_the_supervisor(supervisor: subprocess.Popen[str], tmp_path: Path) -> None:
    """The kill of the worker's group does not reach it; the supervisor's death does, though the work never ends."""
    made = tmp_path / "made"
    content = wait_until(lambda: made.exists() and made.read_text(), "the maker's work")
    working, watching, nice = map(int, content.split())
    assert nice >= min(19, os.nice(0) + 10)
    assert os.getpgid(working) == os.getpgid(watching) == watching
    assert supervisor.stdin
    assert supervisor.stdout
    supervisor.stdin.write("end\n")
    supervisor.stdin.flush()
    assert supervisor.stdout.readline() == "the worker has ended\n"
    assert runs(working)
    assert runs(watching)
    os.kill(supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not runs(working), "the end of the work")
    wait_until(lambda: not runs(watching), "the end of the maker")
