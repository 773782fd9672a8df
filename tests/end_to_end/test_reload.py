"""The configuration is read again while everything runs."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hushd import Client
from hushd_protocol.errors import HushdError
from support.peer import CONFIG, Supervisor, wait_until


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
