"""A command's client, and the supervisor that starts while it is imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd.transport import autostart
from hushd_cli.terminal.shown_client import shown_client
from hushd_protocol.system import paths


@pytest.fixture(autouse=True)
def french(monkeypatch: pytest.MonkeyPatch) -> None:
    """A French session, and a client that connects to nobody."""
    monkeypatch.setattr("hushd.client.Client.__init__", lambda *_, **__: None)
    monkeypatch.setattr("hushd.client.Client.__exit__", lambda *_: None)
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")


@pytest.mark.parametrize(("input_there", "endpoint", "socket", "begins"), [
    (True, "", False, True), (False, "", False, False), (True, "ssh://desk", False, False), (True, "", True, False),
])  # fmt: skip
def test_a_supervisor_begins_where_the_command_needs_one(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, input_there: bool, endpoint: str, socket: bool, begins: bool
) -> None:
    """None does for a file that is missing, for another machine, or where one listens."""
    begun: list[tuple[paths.Paths, str]] = []
    monkeypatch.setattr(autostart, "begin", lambda *words: begun.append(words))
    monkeypatch.setenv("HUSHD_ENDPOINT", endpoint)
    here = paths.find()
    if socket:
        here.client_socket.parent.mkdir(parents=True, exist_ok=True)
        here.client_socket.touch()
    with shown_client("-", __file__ if input_there else "/nobody/a.wav", role="stt"):
        assert begun == ([(here, "stt fr")] if begins else [])


@pytest.fixture
def pipe(runtime: Path) -> Iterator[int]:
    """The pipe of a supervisor that seems to run."""
    here = paths.find()
    here.client_socket.touch()
    os.mkfifo(here.expected)
    descriptor = os.open(here.expected, os.O_RDONLY | os.O_NONBLOCK)
    yield descriptor
    os.close(descriptor)


def test_a_command_announces_its_request(pipe: int) -> None:
    """The supervisor reads the role and the languages of the session before the client is there."""
    with shown_client("-", role="tts"):
        assert os.read(pipe, 99) == b"tts fr\n"


@pytest.mark.parametrize("obstacle", ["endpoint", "attached", "no input", "no role", "open to others", "nobody reads"])
def test_a_command_announces_nothing(pipe: int, runtime: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str) -> None:
    """Nothing is said where another machine is asked, the command fails, or others may have made the pipe; and one that
    nobody reads costs the command nothing."""
    match obstacle:
        case "endpoint":
            monkeypatch.setenv("HUSHD_ENDPOINT", "ssh://desk")
        case "attached":
            paths.find().attached.mkdir()
        case "open to others":
            runtime.chmod(0o755)
        case "nobody reads":
            paths.find().expected.unlink()
    with shown_client("/nobody/a.txt" if obstacle == "no input" else "-", role="" if obstacle == "no role" else "tts"):
        assert os.read(pipe, 99) == b""
