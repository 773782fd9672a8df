"""`hushd unload`, and a configuration that is read again, beside the work of other programs, with real processes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hushd import Client
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Credit, Error, Result
from support import command_line
from support.peer import CONFIG, ECHO, Peer, Supervisor, command, wait_until

Start = Callable[..., Supervisor]
A = "stt/echo/a"
BRIEF = "[worker]\ndrain_timeout = 0.2\n"  # no job may depend on it


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
        done = command_line.run("hushd", "unload", "--json", text=True)
        assert (done.returncode, json.loads(done.stdout)) == (7, {"unloaded": [], "busy": {A: 1}})
        sentence = f"{A} ends when a job of another program has finished; `hushd unload --force` ends it now."
        assert done.stderr == f"hushd unload: {sentence}\n"
        assert session.is_heard()
        assert session.end() == "result"
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


def test_sighup_applies_what_has_changed(supervisor: Supervisor) -> None:
    """A shorter keep-alive counts for the worker that is idle already; its process is the same."""
    with supervisor.connect() as client:
        pid = client.ask("echo")["pid"]
        assert client.status()["expires_in_s"] > 200
        configure("[worker]\nkeep_alive = 100\n" + CONFIG)
        supervisor.process.send_signal(signal.SIGHUP)
        wait_until(lambda: client.status()["expires_in_s"] <= 100)
        assert client.ask("echo")["pid"] == pid


def test_a_wrong_configuration_changes_nothing(supervisor: Supervisor) -> None:
    """A reload that fails names file and key, in the answer or after SIGHUP in the log; the old configuration holds."""
    with supervisor.connect() as peer:
        pid = peer.ask("echo")["pid"]
        configure("[worker]\nkeep_alife = 5\n")
        with Client() as client, pytest.raises(HushdError) as caught:
            client.reload()
        assert caught.value.code == "bad_request"
        assert os.environ["HUSHD_CONFIG"] in str(caught.value)
        supervisor.process.send_signal(signal.SIGHUP)
        wait_until(lambda: supervisor.log().count("the configuration stays as it was") == 2)
        assert peer.ask("echo")["pid"] == pid
