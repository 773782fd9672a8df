"""The configuration is read again while everything runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hushd import Client
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import Chunk, Credit, Error, Result
from support.peer import CONFIG, ECHO, Peer, Supervisor, command, wait_until

Start = Callable[..., Supervisor]


def configure(text: str) -> None:
    Path(os.environ["HUSHD_CONFIG"]).write_text(text)


def end_of(peer: Peer) -> Result:
    """The next result, past whatever the job sends before it."""
    while not isinstance(message := peer.receive(), Result):
        assert not isinstance(message, Error), message
    return message


def test_sighup_applies_what_has_changed(supervisor: Supervisor) -> None:
    """A shorter keep-alive counts for the worker that is idle already; its process is the same."""
    with supervisor.connect() as client:
        pid = client.ask("echo")["pid"]
        assert client.status()["expires_in_s"] > 200
        configure("[worker]\nkeep_alive = 100\n" + CONFIG)
        supervisor.process.send_signal(signal.SIGHUP)
        wait_until(lambda: client.status()["expires_in_s"] <= 100)
        assert client.ask("echo")["pid"] == pid


def test_a_changed_command_waits_for_running_jobs(supervisor: Supervisor) -> None:
    """A job that runs finishes in the old process; who waits is served by a new one, and nobody gets an error."""
    with supervisor.connect() as worker, supervisor.connect() as other:
        before = worker.ask("echo")["pid"]
        stream = worker.request("copy", input="stream", credit=8)
        worker.expect(Credit)  # without which nothing may be sent: it runs
        queued = other.request("echo", credit=8)
        configure(f'[worker."stt/echo"]\n{command(ECHO)}environment = {{ COLOUR = "green" }}\n')
        with Client() as client:
            client.reload()
        worker.send(Chunk(id=stream, seq=0, last=True, payload=b"done"))
        assert end_of(worker).data == {"size": 4}
        answer = other.expect(Result)
        assert answer.id == queued
        assert answer.data["pid"] != before
        busy = other.request("copy", input="stream", credit=8)  # an idle worker may leave, and what has ended has none
        other.expect(Credit)
        pid = worker.status()["pid"]
        assert b"COLOUR=green" in Path(f"/proc/{pid}/environ").read_bytes(), supervisor.log()
        other.send(Chunk(id=busy, seq=0, last=True, payload=b""))
        assert end_of(other).id == busy


@pytest.mark.parametrize("text", ["[worker]\nkeep_alife = 5\n", "not toml", "queue = 'many'\n"])
def test_a_wrong_configuration_changes_nothing(text: str, supervisor: Supervisor) -> None:
    """A reload that fails names file and key, in the answer or after SIGHUP in the log; the old configuration holds."""
    with supervisor.connect() as peer:
        pid = peer.ask("echo")["pid"]
        configure(text)
        with Client() as client, pytest.raises(HushdError) as caught:
            client.reload()
        assert caught.value.code == "bad_request"
        assert os.environ["HUSHD_CONFIG"] in str(caught.value)
        supervisor.process.send_signal(signal.SIGHUP)
        wait_until(lambda: supervisor.log().count("the configuration stays as it was") == 2)
        assert peer.ask("echo")["pid"] == pid
