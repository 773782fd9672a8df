"""`hushd unload`, and a configuration that is read again, beside the work of other programs, with real processes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path

import pytest
from hushd import Client
from hushd_protocol.messages import Cancel, Error
from support import command_line
from support.peer import ECHO, Start, Supervisor, command, wait_until
from support.refusals import hushd_error

A = "stt/echo/a"
BRIEF = "[worker]\ndrain_timeout = 0.2\n"  # no job may depend on it


def test_unload_ends_no_other_programs_job(start_supervisor: Start) -> None:
    """It says at once for whom the worker stays, with status 7; the job goes on, and the worker ends after it."""
    supervisor = start_supervisor(f'{BRIEF}[worker."stt/echo"]\n{command(ECHO)}')
    with supervisor.connect() as stranger, supervisor.connect() as other:
        job = stranger.request("wait")
        wait_until(lambda: other.status(A)["running"] == 1, "a running job")
        done = command_line.run("hushd", "unload", "--json", text=True)
        assert (done.returncode, json.loads(done.stdout)) == (7, {"unloaded": [], "busy": {A: 1}})
        sentence = f"{A} ends when a job of another program has finished; `hushd unload --force` ends it now."
        assert done.stderr == f"hushd unload: {sentence}\n"
        stranger.send(Cancel(id=job))
        assert stranger.expect(Error).code == "cancelled"
        wait_until(lambda: other.status(A)["state"] == "stopped", "the end of the worker")


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


def configure(text: str) -> None:
    Path(os.environ["HUSHD_CONFIG"]).write_text(text)


def test_a_wrong_configuration_changes_nothing(supervisor: Supervisor) -> None:
    """A reload that fails names file and key, in the answer or after SIGHUP in the log; the old configuration holds."""
    with supervisor.connect() as peer:
        pid = peer.ask("echo")["pid"]
        configure("[worker]\nkeep_alife = 5\n")
        with Client() as client, hushd_error("bad_request", has=os.environ["HUSHD_CONFIG"]):
            client.reload()
        supervisor.process.send_signal(signal.SIGHUP)
        wait_until(lambda: supervisor.log().count("the configuration stays as it was") == 2)
        assert peer.ask("echo")["pid"] == pid


def test_an_address_that_cannot_be_used_leaves_the_log_as_it_was(supervisor: Supervisor) -> None:
    """A configuration is taken as a whole or not at all: without its address its level of the log does not hold."""
    with supervisor.connect() as peer:
        configure('log_level = "error"\n[http]\nlisten = ["0.0.0.0:0"]\n')
        assert "HUSHD_HTTP_TOKEN" in peer.refusal("reload")
        peer.ask("echo")
        wait_until(lambda: "echo on" in supervisor.log(), "the line of a request")


def test_a_level_of_the_log_holds_from_the_reload_on(supervisor: Supervisor) -> None:
    """The lines of requests stop, and come back with the level."""
    rest = Path(os.environ["HUSHD_CONFIG"]).read_text()
    with supervisor.connect() as peer:
        configure(f'log_level = "error"\n{rest}')
        peer.control("reload")
        peer.ask("echo")
        configure(f'log_level = "info"\n{rest}')
        peer.control("reload")
        peer.ask("echo")
        wait_until(lambda: "echo on" in supervisor.log(), "the line of a request")
        assert supervisor.log().count("echo on") == 1
