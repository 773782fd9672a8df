"""Suspension by CUDA's driver: in its place stands a library that is compiled here, and whose states are a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import fake_cuda
from support.outside import needs

pytestmark = needs("cc")


def ask(folder: Path, verb: str, state: int, fail: str = "", *flags: str) -> tuple[dict[str, object], int, list[str]]:
    """The program's answer, the process's state afterwards, and the driver's calls."""
    environment = fake_cuda.environment(folder, fail, *flags)
    (folder / "state").write_text(str(state))
    command = [sys.executable, "-P", "-m", "hushd_worker.suspension", verb, str(os.getpid())]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout), int((folder / "state").read_text()), done.stderr.splitlines()


def test_there_and_back(tmp_path: Path) -> None:
    """Locked and copied away, then copied back and unlocked."""
    assert ask(tmp_path, "suspend", 0) == ({"error": "", "lost": False}, 2, ["Lock", "Checkpoint"])
    assert ask(tmp_path, "restore", 2) == ({"error": "", "lost": False}, 0, ["Restore", "Unlock"])


@pytest.mark.parametrize(("fail", "error", "lost", "state"), [
    ("cuInit", "cuInit failed with 100", False, 0),
    ("Lock", "cuCheckpointProcessLock failed with 304", False, 0),
    ("Checkpoint", "cuCheckpointProcessCheckpoint failed with 304", False, 0),  # unlocked again
    ("All", "cuCheckpointProcessCheckpoint failed with 304", True, 3),
])  # fmt: skip
def test_a_refusal(tmp_path: Path, fail: str, error: str, lost: bool, state: int) -> None:
    """The process goes on as it was, or is called lost."""
    answer, after, _ = ask(tmp_path, "suspend", 0, fail)
    assert (answer, after) == ({"error": error, "lost": lost}, state)


@pytest.mark.parametrize("fail", ["Restore", "Unlock"])
def test_a_failed_restore_loses_the_process(tmp_path: Path, fail: str) -> None:
    """A full card makes it fail, after which the driver restores it no more."""
    answer, _, _ = ask(tmp_path, "restore", 2, fail)
    assert answer == {"error": f"cuCheckpointProcess{fail} failed with 304", "lost": True}


def test_an_older_driver(tmp_path: Path) -> None:
    """It lacks the functions, and says so in words."""
    answer, _, _ = ask(tmp_path, "restore", 2, "", "-DOLD")
    assert answer == {"error": "the driver is older than 570", "lost": True}


def test_no_driver() -> None:
    """The answer is the loader's."""
    command = [sys.executable, "-P", "-m", "hushd_worker.suspension", "suspend", str(os.getpid())]
    done = subprocess.run(command, env={"LD_LIBRARY_PATH": "/nowhere"}, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert "libcuda.so.1" in answer["error"]
    assert not answer["lost"]


def test_a_child_with_the_driver(tmp_path: Path) -> None:
    """A worker is left alone whose child uses the card: only the worker's own memory would be copied."""
    ask(tmp_path, "suspend", 0)
    hold = "import ctypes, sys; ctypes.CDLL(sys.argv[1]); print(flush=True); input()"
    command = [sys.executable, "-c", hold, str(tmp_path / "libcuda.so.1")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        assert child.stdin
        child.stdout.readline()
        answer, state, calls = ask(tmp_path, "suspend", 0)
        child.stdin.close()
    assert (answer["error"], state, calls) == ("a child of the process uses the card, too", 0, [])
