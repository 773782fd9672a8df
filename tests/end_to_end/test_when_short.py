"""`[memory] when_short` of a real supervisor, whose memory is a number in a file that the program changes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hushd_protocol.messages import Accepted, Error, Result
from support.peer import ECHO, Peer, Start, Supervisor, command

SCRIPT = str(Path(__file__).parents[1] / "support" / "small_machine.py")
MB = 1_000_000
BIG, SMALL = "stt/echo/big", "stt/echo/small"
WORKERS = f'[worker.stt]\n{command(ECHO)}[worker."{BIG}"]\nmemory_mb = 2000\n[worker."{SMALL}"]\nmemory_mb = 10\n'


@pytest.fixture
def available(runtime: Path) -> Path:
    """The file that has the bytes that are available: too few for the big worker."""
    file = runtime / "available"
    file.write_text(str(500 * MB))
    return file


def start(start_supervisor: Start, *program: str) -> Supervisor:
    config = f"[memory]\nwhen_short = {json.dumps(program)}\n{WORKERS}"
    return start_supervisor(config, inside=[sys.executable, SCRIPT], cold=True)


def end(peer: Peer, request: bytes) -> tuple[list[str], Result | Error]:
    """The notes that a request's client gets while it waits, and the end of it."""
    notes = []
    while True:
        match peer.receive():
            case Accepted(id=name, note=note) if name == request:
                notes.append(note)
            case Result(id=name) | Error(id=name) as answer if name == request:
                return notes, answer


def test_a_program_frees_what_a_start_lacks(start_supervisor: Start, available: Path) -> None:
    """The client reads what it waits for; the log has what the program says. A start that fits runs nothing."""
    freed = f'cat > "{available}.asked"; echo {3000 * MB} > "{available}"; echo it gave 2 GB'
    supervisor = start(start_supervisor, "sh", "-c", freed)
    with supervisor.connect() as peer:
        peer.ask("echo", SMALL)
        assert not Path(f"{available}.asked").exists()
        notes, answer = end(peer, peer.request("echo", BIG))
    assert isinstance(answer, Result), answer
    assert any(note.startswith("waiting for others to free 1.") for note in notes)
    assert json.loads(Path(f"{available}.asked").read_text())["worker"] == BIG
    assert "when_short has ended with status 0 (it gave 2 GB)" in supervisor.log()
