"""`hushd keys`, and the commands that are about the machine that they run on."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hushd_cli import main, table
from hushd_cli.commands import keys
from hushd_protocol.endpoint import key_text, parse
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_protocol.system.keys import KeyFiles
from support.machines import LISTEN, Desk, Laptop
from support.peer import Supervisor

Capture = pytest.CaptureFixture[str]


def run(capfd: Capture, *words: str) -> str:
    assert keys.main("hushd keys", words) == 0
    return capfd.readouterr().out


def test_a_key_is_made_once(runtime: Path, capfd: Capture) -> None:
    """The public one is printed each time, the secret one never, and nobody else can read its file."""
    public = run(capfd, "generate")
    assert public == run(capfd, "generate")
    files = KeyFiles(paths.find())
    secret = files.secret()
    assert secret
    assert key_text(secret) not in run(capfd, "list") + run(capfd, "list", "--json") + public
    place = runtime / "state/keys"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / "secret").stat().st_mode) == 0o600
    assert run(capfd, "generate", "--new") != public
    assert sorted(one.name for one in place.iterdir()) == ["secret"]


def test_allow_prints_the_way_here(start_supervisor: Callable[..., Supervisor], runtime: Path, capfd: Capture) -> None:
    """The endpoint is the one that the other machine then uses, and a supervisor that runs serves it at once."""
    listens = "tcp+curve://127.0.0.1:0"
    desk = Desk.of(start_supervisor(LISTEN))
    laptop = Laptop.at(runtime / "laptop")
    printed = run(capfd, "allow", "laptop", key_text(laptop.public))
    assert parse(printed.strip().replace(":0", ":1")).key == desk.endpoint.key, listens
    with laptop.peer(desk.endpoint):
        (row,) = json.loads(run(capfd, "list", "--json"))["allowed"]
        assert (row["name"], row["connections"]) == ("laptop", 1)
        assert row["seen"] > 0
        run(capfd, "revoke", "laptop")
        assert desk.machines() == {}
    assert json.loads(run(capfd, "list", "--json"))["allowed"] == []


def test_a_machine_that_does_not_listen_says_how(runtime: Path, capfd: Capture) -> None:
    """The key is allowed, and the command that is missing is named."""
    key = run(capfd, "generate").strip()
    assert keys.main("hushd keys", ["allow", "laptop", key]) == 0
    written = capfd.readouterr()
    assert written.out == ""
    assert "hushd config set remote.listen tcp+curve://0.0.0.0:7300" in written.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["allow", "laptop", "short"], "52 letters"),
        (["allow", "../laptop", "a" * 52], "no name for a key"),
        (["allow", "-x", "a" * 52], "required"),
        (["allow", "first", "b" * 52], "has another key already"),
        (["allow", "second", "a" * 52], "allowed already, as first"),
        (["revoke", "nobody"], "known are first"),
    ],
)
def test_a_mistake_changes_nothing(runtime: Path, capfd: Capture, words: list[str], why: str) -> None:
    """One sentence, and the file is as it was."""
    run(capfd, "allow", "first", "a" * 52)
    before = (runtime / "state/keys/allowed").read_bytes()
    with pytest.raises(HushdError, match=why) as caught:
        keys.main("hushd keys", words)
    assert caught.value.code == "bad_request"
    assert (runtime / "state/keys/allowed").read_bytes() == before


@pytest.mark.parametrize("command", [command.name for command in table.every() if command.this_machine_only])
def test_what_is_about_this_machine_says_so(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With HUSHD_ENDPOINT it would show the wrong machine's: it is refused, but its help is not."""
    monkeypatch.setenv("HUSHD_ENDPOINT", f"tcp+curve://{'a' * 52}@desk:7300")
    with pytest.raises(HushdError, match="leads to desk") as caught:
        main.main("hushd", [command])
    assert caught.value.code == "unsupported"
    with pytest.raises(SystemExit) as left:
        main.main("hushd", [command, "--help"])
    assert left.value.code == 0
