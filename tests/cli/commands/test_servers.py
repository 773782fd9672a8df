"""`hushd servers`: lists them, adds one by its command line, and tries it as a user would."""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest
from hushd import Client
from hushd_cli.commands import servers as command
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema import server_file
from support import servers
from support.peer import Start

Capture = pytest.CaptureFixture[str]
TABLES = Path(servers.__file__).parent / "data" / "servers.toml"
LYING = [sys.executable, "-S", str(servers.LYING)]


def run(*words: str) -> int:
    return command.main("hushd servers", words)


def test_they_are_listed(runtime: Path, capfd: Capture) -> None:
    """The list says what each does, and the mistake of a file; without a supervisor all are stopped."""
    run("list")
    assert capfd.readouterr().out == ""
    servers.write(runtime, "mine")
    servers.write(runtime, "wrong", hear=3)
    os.mkfifo(runtime / "servers" / "pipe.toml")
    run("list")
    mine, pipe, wrong = capfd.readouterr().out.splitlines()
    assert "pipe.toml cannot be read (it is a pipe)" in pipe
    assert mine.split() == ["mine", "openai", "speaks", "and", "hears", "stopped", "-"]
    assert "wrong.toml: hear must be a path" in wrong
    run("list", "--json")
    first, _, second = json.loads(capfd.readouterr().out)
    assert (first["name"], first["does"], first["problem"]) == ("mine", ["speaks", "hears"], "")
    assert second["state"] == "broken"


def test_files_of_known_servers_are_read(runtime: Path, capfd: Capture) -> None:
    """Each as people write it: what it does is told, and nothing is wrong with it."""
    folder = runtime / "servers"
    folder.mkdir()
    _, *tables = re.split(r"^\[([\w-]+)\]$", TABLES.read_text(), flags=re.MULTILINE)
    for name, content in zip(tables[::2], tables[1::2], strict=True):
        (folder / f"{name}.toml").write_text(content)
    run("list", "--json")
    listed = {one["name"]: one for one in json.loads(capfd.readouterr().out)}
    assert listed.keys() == set(tables[::2])
    assert {name: one["problem"] for name, one in listed.items() if one["problem"]} == {}
    assert listed["kokoro"]["does"] == listed["chatterbox"]["does"] == ["speaks"]
    assert listed["vllm"]["does"] == listed["asr-webservice"]["does"] == ["hears"]


def test_one_is_added_and_tried(start_supervisor: Start, runtime: Path, capfd: Capture) -> None:
    """Ten lines: the file, and both roles from start to end. No process of the server is left."""
    start_supervisor("")
    assert run("add", "mine", "model=tiny", "words=true", "--", *LYING, "{port}") == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines.pop() == f"wrote {runtime}/servers/mine.toml: like openai"
    words = ["ready to", "first sound", "memory", "ended", "ready to", "said", "heard", "memory", "ended"]
    assert all(line.startswith(word) for line, word in zip(lines, words, strict=True))
    content = tomllib.loads((runtime / "servers" / "mine.toml").read_text())
    assert (content["model"], content["words"], content["like"]) == ("tiny", True, "openai")
    assert server_file.read("mine", content).does("stt")


def test_one_that_fails_is_not_added(start_supervisor: Start, runtime: Path, capfd: Capture) -> None:
    """Its sentence comes once, though it is tried in two roles; a file that it had before stays."""
    start_supervisor("")
    path = runtime / "servers" / "mine.toml"
    for before in (None, "run = 1"):
        if before:
            path.write_text(before)
        assert run("add", "mine", "--", *LYING, "{port}", "crash") == 1
        told = capfd.readouterr()
        assert told.out == ""
        assert told.err.count("The server mine ended (exit status 3") == len(told.err.splitlines()) == 1
        assert (path.read_text() if path.exists() else None) == before


def test_one_is_removed(start_supervisor: Start, runtime: Path, capfd: Capture) -> None:
    """Its worker goes, too, and what it has told of its voices."""
    start_supervisor("")
    path = servers.write(runtime, "mine", "voices", hear=False, voices="/voices")
    with Client() as client:
        client.preload("tts/server/mine")
        assert list(paths.find().state.glob("servers/*"))
        assert run("remove", "mine") == 0
        assert not [row for row in client.status().workers if row.pid]
    assert capfd.readouterr().out == f"removed {path}\n"
    assert not path.exists()
    assert not list(paths.find().state.glob("servers/*"))
    for name in ("mine", "../servers/mine"):
        with pytest.raises(HushdError, match="There is no server"):
            run("remove", name)


@pytest.mark.parametrize(("words", "said"), [
    (["try", "nobody"], "There is no server 'nobody': `hushd servers add"),
    (["add", "a/b", "--", "x"], "'a/b' cannot be a name"),
    (["add", "mine"], "Say how it is started: hushd servers add mine -- COMMAND; without one it knows whisper-cpp"),
    (["add", "mine", "lke=openai", "--", "x"], "mine: there is no key 'lke'"),
    (["add", "mine", "--", "x", "stdio"], "mine: run has neither {port} nor {socket}"),
])  # fmt: skip
def test_a_mistake_is_one_sentence(runtime: Path, words: list[str], said: str) -> None:
    with pytest.raises(HushdError) as raised:
        run(*words)
    assert raised.value.message.startswith(said)
    assert not list(runtime.glob("servers/*"))


@pytest.mark.parametrize(("given", "run"), [
    ("x --port 8000", "x --port {port}"),
    ("x --host 0.0.0.0 -p 80", "x --host 0.0.0.0 -p {port}"),
    ("x --port=80", "x --port={port}"),
    ("x --uri tcp://127.0.0.1:10200", "x --uri tcp://127.0.0.1:{port}"),
    ("x --uri stdio://", "x --uri stdio://"),
    ("x -m y", "x -m y --host 127.0.0.1 --port {port}"),
])  # fmt: skip
def test_its_port_is_hushds(given: str, run: str) -> None:
    assert command._with_port(given.split()) == run.split()
