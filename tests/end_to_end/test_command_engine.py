"""The engine `command` as a user has it: a real supervisor, a real program, and its time and memory in the books."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hushd import Client
from support.peer import Start, wait_until
from support.recordings import recording

PROGRAM = """
import sys, time
if sys.argv[1] == 'work':
    held, until = bytearray(300_000_000), time.monotonic() + 7
    while time.monotonic() < until: sum(range(1_000_000)); time.sleep(0.1)
print('ever tried')
"""


def worker(client: Client) -> int:
    """The pid of the one worker there is."""
    (row,) = client.status().workers
    return int(row.pid)


def test_a_program_that_works_for_long(start_supervisor: Start, runtime: Path) -> None:
    """Its CPU time is the worker's: no stall. Its memory is what the worker needs, but not what it has grown to."""
    (runtime / "commands").mkdir()
    run = [sys.executable, "-c", PROGRAM, "{prompt}"]  # a prompt says what it does
    (runtime / "commands" / "mine.toml").write_text(f"run = {json.dumps(run)}\nlanguages = ['en']\n")
    supervisor = start_supervisor("[worker]\nstall_timeout = 4\nmax_pss_mb = 250\n")
    with Client() as client:
        assert client.transcribe(recording(), engine="command", model="mine").text == "ever tried"
        first = worker(client)
        assert client.transcribe(recording(), engine="command", model="mine", prompt="work").text == "ever tried"
        assert client.transcribe(recording(), engine="command", model="mine").text == "ever tried"
        assert worker(client) == first, supervisor.log()
        client.shutdown()
    wait_until((runtime / "state" / "needs.json").exists, "what the workers needed")
    assert "command" in (runtime / "state" / "needs.json").read_text()
    needs = json.loads((runtime / "state" / "needs.json").read_text())
    assert needs["stt/command/mine"] > 300_000_000
