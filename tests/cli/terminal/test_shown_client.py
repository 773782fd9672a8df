"""A command's client, and the supervisor that starts while it is imported."""

from __future__ import annotations

import os
import subprocess
import sys
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


@pytest.mark.parametrize(("file", "endpoint", "socket", "begins"), [
    (__file__, "", False, True), ("/nobody/a.wav", "", False, False), ("/", "", False, False),
    (__file__, "ssh://desk", False, False), (__file__, "", True, False),
])  # fmt: skip
def test_a_supervisor_begins_where_the_command_needs_one(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, file: str, endpoint: str, socket: bool, begins: bool
) -> None:
    """None does for a file that is missing, for a folder, for another machine, or where one listens."""
    begun: list[tuple[paths.Paths, str]] = []
    monkeypatch.setattr(autostart, "begin", lambda *words: begun.append(words))
    monkeypatch.setenv("HUSHD_ENDPOINT", endpoint)
    here = paths.find()
    if socket:
        here.client_socket.touch()
    with shown_client("-", file, role="stt"):
        assert begun == ([(here, "stt fr")] if begins else [])


@pytest.fixture
def pipe(runtime: Path) -> Iterator[int]:
    """The pipe of a supervisor that seems to run."""
    here = paths.find()
    here.client_socket.touch()
    os.mkfifo(here.expected)
    with open(here.expected, opener=lambda path, _: os.open(path, os.O_RDONLY | os.O_NONBLOCK)) as file:
        yield file.fileno()


@pytest.mark.parametrize(("command", "line"), [("say", b"tts en\n"), ("listen", b"stt en\n")])
def test_a_command_announces_its_request(pipe: int, command: str, line: bytes) -> None:
    """The supervisor reads the role and the languages of the session before the client is there, which imports zmq."""
    code = f"import sys; sys.modules['zmq'] = None; from hushd_cli import entry; entry.{command}()"
    subprocess.run([sys.executable, "-P", "-c", code, "-"], env=os.environ | {"LC_ALL": "en_GB"}, capture_output=True)
    assert os.read(pipe, 99) == line


@pytest.mark.parametrize("obstacle", ["endpoint", "attached", "no input", "no role", "open to others", "nobody reads"])
def test_a_command_announces_nothing(pipe: int, runtime: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str) -> None:
    """Nothing is said where another machine is asked, the command fails, or others may have made the pipe; and one that
    nobody reads costs the command nothing."""
    if obstacle == "endpoint":
        monkeypatch.setenv("HUSHD_ENDPOINT", "ssh://desk")
    elif obstacle == "attached":
        paths.find().attached.mkdir()
    elif obstacle == "open to others":
        runtime.chmod(0o755)
    elif obstacle == "nobody reads":
        paths.find().expected.unlink()
    with shown_client("/nobody/a.txt" if obstacle == "no input" else "-", role="" if obstacle == "no role" else "tts"):
        assert os.read(pipe, 99) == b""
