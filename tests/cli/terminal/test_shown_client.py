"""A command's client, and the supervisor that starts while it is imported."""

from __future__ import annotations

from pathlib import Path

import pytest
from hushd.transport import autostart
from hushd_cli.terminal.shown_client import shown_client
from hushd_protocol.system import paths


@pytest.mark.parametrize(("input_there", "endpoint", "socket", "begins"), [
    (True, "", False, True), (False, "", False, False), (True, "ssh://desk", False, False), (True, "", True, False),
])  # fmt: skip
def test_a_supervisor_begins_where_the_command_needs_one(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, input_there: bool, endpoint: str, socket: bool, begins: bool
) -> None:
    """None does for a file that is missing, for another machine, or where one listens."""
    begun: list[paths.Paths] = []
    monkeypatch.setattr(autostart, "begin", begun.append)
    monkeypatch.setattr("hushd.client.Client.__init__", lambda *_, **__: None)
    monkeypatch.setattr("hushd.client.Client.__exit__", lambda *_: None)
    monkeypatch.setenv("HUSHD_ENDPOINT", endpoint)
    here = paths.find()
    if socket:
        here.client_socket.parent.mkdir(parents=True, exist_ok=True)
        here.client_socket.touch()
    with shown_client("-", __file__ if input_there else "/nobody/a.wav"):
        assert begun == ([here] if begins else [])
