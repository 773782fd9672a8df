"""`hushd unload` and recycling beside the work of other programs, with real processes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hushd import Client
from hushd_protocol.messages import Chunk, Control, Credit, Error, Result
from support.peer import BOUND_S, ECHO, Peer, Supervisor, command, wait_until

Start = Callable[..., Supervisor]
A = "stt/echo/a"
BRIEF = "[worker]\ndrain_timeout = 0.2\n"  # no job may depend on it


def hushd(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    program = [sys.executable, "-P", "-m", "hushd", *arguments]
    return subprocess.run(program, capture_output=True, text=True, timeout=BOUND_S, check=False)


class Session:
    """A live stream of a program that is not ours: what it sends comes back."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.id = peer.request("copy", input="stream", session=True, credit=200)
        self._sent = 0
        peer.expect(Credit)

    def speak(self, last: bool = False) -> None:
        self.peer.send(Chunk(id=self.id, seq=self._sent, payload=b"word", last=last))
        self._sent += 1

    def is_heard(self) -> bool:
        """Returns whether a word comes back."""
        self.speak()
        while not isinstance(message := self.peer.receive(), Chunk):
            assert isinstance(message, Credit), message
        return message.payload == b"word"

    def end(self) -> str:
        """Ends it, and returns the code of its end."""
        self.speak(last=True)
        while not isinstance(message := self.peer.receive(), Result | Error):
            pass
        return "result" if isinstance(message, Result) else message.code


def test_unload_ends_no_other_programs_session(start_supervisor: Start) -> None:
    """It says at once for whom the worker stays, with status 7; the session goes on, and the worker ends after it."""
    supervisor = start_supervisor(f'{BRIEF}[worker."stt/echo"]\n{command(ECHO, "--sessions", "1")}')
    with supervisor.connect() as stranger, supervisor.connect() as other:
        session = Session(stranger)
        done = hushd("unload", "--json")
        assert (done.returncode, json.loads(done.stdout)) == (7, {"unloaded": [], "busy": {A: 1}})
        sentence = f"{A} ends when a job of another program has finished; `hushd unload --force` ends it now."
        assert done.stderr == f"hushd unload: {sentence}\n"
        assert session.is_heard()
        assert session.end() == "result"
        wait_until(lambda: other.status(A)["state"] == "stopped", "the end of the worker")


def test_force_ends_a_session_in_a_sentence_of_its_own(start_supervisor: Start) -> None:
    """The stranger learns that its worker was stopped, and its connection serves the next request."""
    supervisor = start_supervisor(f'[worker."stt/echo"]\n{command(ECHO, "--sessions", "1")}')
    with supervisor.connect() as stranger:
        pid = stranger.ask("echo", credit=8)["pid"]
        session = Session(stranger)
        done = hushd("unload", "stt", "--force", "--json")
        assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, {"unloaded": [A], "busy": {}}, "")
        assert not psutil.pid_exists(pid)
        error = stranger.expect(Error)
        assert (error.id, error.code, error.retryable) == (session.id, "worker_stopped", True)
        assert error.message == "The worker was stopped before the job had finished; ask again."
        assert stranger.ask("echo", credit=8)["pid"] != pid


def test_a_file_that_force_stops_is_served_all_the_same(start_supervisor: Start, tmp_path: Path) -> None:
    """The supervisor repeats it by itself, for a client that knows nothing of any code."""
    gate = tmp_path / "gate"
    supervisor = start_supervisor(f'[worker."stt/echo"]\n{command(ECHO, "--until", str(gate))}')
    with supervisor.connect() as stranger, Client() as client:
        before = stranger.ask("echo", credit=8)["pid"]
        request = stranger.request("transcribe", params={"start_s": 1.0}, credit=8)
        wait_until(lambda: client.status().workers[0].running == 1, "the job")
        ended = client.unload(force=True)
        assert (ended, ended.busy) == ([A], {})
        gate.touch()
        result = stranger.expect(Result)
        assert (result.id, result.data["pid"] != before) == (request, True)


@pytest.mark.parametrize("diarize", [False, True])
def test_a_transcript_that_force_interrupts_is_whole(diarize: bool, start_supervisor: Start, tmp_path: Path) -> None:
    """One segment was returned already: Client asks again by itself, with speakers too, and nothing comes twice."""
    gate, sound = tmp_path / "gate", tmp_path / "a.wav"
    sound.write_bytes(b"sound")
    start_supervisor(f'[worker."stt/echo"]\n{command(ECHO, "--until", str(gate))}')
    with Client() as client, Client() as stranger:
        transcription = client.transcribe_stream(sound, model="echo/a", diarize=diarize)
        assert next(transcription).text == hashlib.sha256(b"sound").hexdigest()
        assert stranger.unload(force=True) == [A]
        gate.touch()
        assert list(transcription) == []
        assert transcription.duration == 1.0


def test_an_own_unload_ends_the_own_requests_at_once(start_supervisor: Start) -> None:
    """Jobs that run and jobs that wait end as `cancelled`, and the answer comes when the process has gone."""
    supervisor = start_supervisor(f'{BRIEF}[worker."stt/echo"]\n{command(ECHO)}')
    with supervisor.connect() as peer, supervisor.connect() as other:
        running, waiting = peer.request("wait", credit=8), peer.request("wait", credit=8)
        wait_until(lambda: (row := other.status(A))["running"] and row["queued"], "the jobs")
        peer.send(Control(id=peer.new_id(), action="unload"))
        ends = [peer.expect(Error) for _ in range(2)]
        assert {(error.id, error.code) for error in ends} == {(running, "cancelled"), (waiting, "cancelled")}
        assert peer.expect(Result).data == {"unloaded": [A]}
        assert other.status(A)["state"] == "stopped"


def test_recycling_ends_no_session(start_supervisor: Start) -> None:
    """A used-up process goes on for whoever speaks; the next file is served by another process beside it."""
    config = f'{BRIEF}max_requests = 1\n[worker."stt/echo"]\n{command(ECHO, "--sessions", "1")}'
    supervisor = start_supervisor(config)
    with supervisor.connect() as stranger, supervisor.connect() as other:
        session = Session(stranger)
        pids = [other.ask("echo", credit=8)["pid"] for _ in range(4)]
        assert len(set(pids)) == 4
        assert session.is_heard()
        assert other.status(A)["running"] == 1
        assert session.end() == "result"
        wait_until(lambda: other.status(A)["state"] == "stopped", "the end of the used-up process")
