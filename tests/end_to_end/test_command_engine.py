"""The engine `command` as a user has it: a real supervisor, a real program, and its time and memory in the books."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hushd import Client
from hushd_protocol.errors import HushdError
from support.peer import Supervisor, wait_until
from support.stopwatch import Stopwatch

Start = Callable[..., Supervisor]

PROGRAM = """
import os, sys, time
open(sys.argv[1], 'w').write(str(os.getpid()))
what = sys.argv[2]
if what == 'work':
    held, until = bytearray(300_000_000), time.monotonic() + 7
    while time.monotonic() < until: sum(range(1_000_000)); time.sleep(0.1)
if what == 'hang':
    time.sleep(600)
print('ever tried')
"""


@pytest.fixture
def speech() -> Path:
    """A recording of a person, from the wheel of moonshine-voice."""
    import moonshine_voice

    return Path(moonshine_voice.__file__).parent / "assets" / "beckett.wav"


@pytest.fixture
def pid_file(runtime: Path, tmp_path: Path) -> Path:
    """The file in which the program of `command/mine` writes its pid; a prompt says what it does."""
    (runtime / "commands").mkdir()
    run = [sys.executable, "-c", PROGRAM, str(tmp_path / "pid"), "{prompt}"]
    (runtime / "commands" / "mine.toml").write_text(f"run = {json.dumps(run)}\nlanguages = ['en']\n")
    return tmp_path / "pid"


def worker(client: Client) -> int:
    """The pid of the one worker there is."""
    (row,) = client.status().workers
    return int(row.pid)


def test_a_program_that_works_for_long(start_supervisor: Start, pid_file: Path, runtime: Path, speech: Path) -> None:
    """Its CPU time is the worker's: no stall. Its memory is what the worker needs, but not what it has grown to."""
    supervisor = start_supervisor("[worker]\nstall_timeout = 4\nmax_pss_mb = 250\n")
    with Client() as client:
        assert client.transcribe(speech, engine="command", model="mine").text == "ever tried"
        first = worker(client)
        assert client.transcribe(speech, engine="command", model="mine", prompt="work").text == "ever tried"
        assert client.transcribe(speech, engine="command", model="mine").text == "ever tried"
        assert worker(client) == first, supervisor.log()
        client.shutdown()
    wait_until((runtime / "state" / "needs.json").exists, "what the workers needed")
    assert "command" in (runtime / "state" / "needs.json").read_text()
    needs = json.loads((runtime / "state" / "needs.json").read_text())
    assert needs["stt/command/mine"] > 300_000_000


def test_cancelled_in_the_middle(start_supervisor: Start, pid_file: Path, speech: Path) -> None:
    """Its client gone, the program is ended and not the worker, which others may be using."""
    start_supervisor("")
    with Client() as other:
        assert other.transcribe(speech, engine="command", model="mine").text == "ever tried"
        first = worker(other)
        pid_file.unlink()
        client, errors = Client(), []

        def ask() -> None:
            try:
                client.transcribe(speech, engine="command", model="mine", prompt="hang")
            except HushdError as error:
                errors.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        wait_until(lambda: pid_file.exists() and pid_file.read_text(), "the program's start")
        program = psutil.Process(int(pid_file.read_text()))
        started = Stopwatch()
        client.close()
        thread.join(10)
        wait_until(lambda: not program.is_running(), "the program's end")
        assert started.calm < 2
        assert other.transcribe(speech, engine="command", model="mine").text == "ever tried"
        assert worker(other) == first
